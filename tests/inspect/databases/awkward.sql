-- What no sample database has: names that need care, and every feature that is rare.

CREATE TYPE "odd ""type""(x)[]" AS ENUM ('one', 'it''s "two"', E'line\nbreak');
CREATE TYPE dimensions AS (width integer, height integer);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%') CHECK (length(VALUE) < 300);
CREATE SEQUENCE invoice_numbers;

CREATE TABLE "Order Items" (
    "OrderItemID" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "a, b" integer UNIQUE,
    "class" text,
    "Class" text,
    "metadata" jsonb NOT NULL DEFAULT '{}',
    "naïve" text COLLATE "C",
    "データ" text,
    "100%" numeric(5, 2),
    "kind" "odd ""type""(x)[]",
    created_at timestamptz NOT NULL DEFAULT now(),
    parent bigint REFERENCES "Order Items"
);
CREATE TABLE follow_ups (id integer PRIMARY KEY, item integer REFERENCES "Order Items" ("a, b"));
COMMENT ON TABLE "Order Items" IS E'Two\nlines and \x1b[31mred\x1b[0m';
COMMENT ON COLUMN "Order Items"."class" IS E'a bell \x07 and a right-to-left override \u202e';
CREATE INDEX "we""ird
name" ON "Order Items" USING hash ("class");
CREATE INDEX ON "Order Items" USING gin (metadata jsonb_path_ops) WITH (fastupdate = off);

CREATE TABLE "class" (id uuid PRIMARY KEY, name text);
CREATE TABLE "user" (id bigserial PRIMARY KEY, contact email, hidden boolean NOT NULL DEFAULT (1 > 0));
CREATE TABLE "データ" (id integer PRIMARY KEY);
CREATE TABLE chairs (id integer PRIMARY KEY, seen_at timestamp(3) with time zone, at time with time zone);
CREATE TABLE chair (id integer PRIMARY KEY);
CREATE TABLE nothing ();

CREATE TABLE exotic (
    id smallint PRIMARY KEY,
    bits bit(3), more_bits bit varying(5), price money, document xml, place point, area polygon,
    address inet, network cidr, hardware macaddr, period tstzrange, spans int4multirange, spread span,
    size dimensions, sizes dimensions[], query tsquery, matrix integer[][], labels email[],
    pause interval, unlimited numeric, rounded numeric(2, 4), whole numeric(5), letter "char",
    word name, number oid, raw bytea[], other json, small smallint, approximate real,
    doubled integer GENERATED ALWAYS AS (small * 2) STORED,
    required tsvector NOT NULL,
    CHECK (small > 0) NO INHERIT
);
ALTER TABLE exotic ADD CONSTRAINT later CHECK (approximate < 10) NOT VALID;
ALTER TABLE exotic ADD CONSTRAINT no_overlap EXCLUDE USING gist (period WITH &&);
CREATE STATISTICS related ON small, approximate FROM exotic;
CREATE RULE no_delete AS ON DELETE TO exotic DO INSTEAD NOTHING;

CREATE UNLOGGED TABLE parents (
    id integer PRIMARY KEY DEFERRABLE,
    code text,
    CONSTRAINT one_code UNIQUE NULLS NOT DISTINCT (code) DEFERRABLE INITIALLY DEFERRED
) WITH (fillfactor = 70);
CREATE TABLE children (toy text) INHERITS (parents);
ALTER TABLE children ADD FOREIGN KEY (id) REFERENCES chair NOT VALID;
CREATE TABLE logs (at timestamptz NOT NULL, line text, UNIQUE (at));
CREATE TABLE secrets (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), owner_id text NOT NULL, tenant_id uuid);
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON secrets FOR SELECT USING (owner_id = CURRENT_USER);

CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE PROCEDURE tidy() LANGUAGE sql AS 'DELETE FROM logs';
CREATE AGGREGATE total (integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE CONSTRAINT TRIGGER guard AFTER DELETE ON logs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION deny();
CREATE FOREIGN DATA WRAPPER elsewhere;
CREATE SERVER other FOREIGN DATA WRAPPER elsewhere;
CREATE FOREIGN TABLE remote (id integer NOT NULL) SERVER other;

-- Names that would be code if they were not quoted.
CREATE TABLE "x"";raise SystemExit;""" (
    "it's" integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "quo""te" text DEFAULT 'see public.note', "three"""" and more" integer,
    "passwordHash" text, "apiKey" text,
    CONSTRAINT "it's ""a"" rule" CHECK ("three"""" and more" > 0)
);
CREATE INDEX "an ""index""" ON "x"";raise SystemExit;""" ("quo""te" DESC);
COMMENT ON TABLE "x"";raise SystemExit;""" IS '""";raise SystemExit;"""';
CREATE TABLE "a$$b" (
    id integer PRIMARY KEY, "collation" text, "lateral" integer REFERENCES "x"";raise SystemExit;"""
);
CREATE TABLE "collation" (id integer PRIMARY KEY, "system_user" text);
CREATE TABLE "it's" (id serial PRIMARY KEY);
