"""`manage inspect` on databases modelled on well-known samples, and on a difficult one."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Install
from tests.support.interpreters import uv
from tests.support.projects import Project
from tests.support.stacks import OPPOSITES, Stack, each

SAMPLES = sorted((Path(__file__).parent / "databases").glob("*.sql"))
SCHEMAS = [
    ("awkward", "public"),
    ("bicycle_maker", "humanresources"),
    ("bicycle_maker", "person"),
    ("bicycle_maker", "production"),
    ("bicycle_maker", "public"),
    ("bicycle_maker", "sales"),
    ("dvd_rental", "public"),
    ("food_trade", "public"),
]
PASSWORD = "S3cr3t/w@rd:%?"
# Matches any part of the password.
SECRET_PATTERN = re.compile("S3cr3t|w(@|%40)rd", re.IGNORECASE)

# Runs each script in its database, which is created if it is missing.
RUN_SQL = """
import json, sys
from manage.postgres import get_local_server
server = get_local_server()
answers = []
for database, script in json.load(sys.stdin):
    server.get_database_url("postgresql", database)
    answers.append(server.run_sql(script, database=database))
print(json.dumps(answers))
"""
# Runs the command several times in one process, because starting takes most of the time.
RUN_COMMANDS = """
import contextlib, io, json, sys, traceback
from manage.cli import main
answers = []
for options in json.load(sys.stdin):
    sys.argv = ["manage", "inspect", *options]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
    answers.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(answers))
"""
# A role with a password that may only connect, and whose statements are logged.
MAKE_READER = f"""
CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}';
ALTER ROLE reader SET log_statement = 'all';
CREATE TABLE kept (id uuid PRIMARY KEY);
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SELECT pg_reload_conf();
"""
ASK_PASSWORDS = "local all reader scram-sha-256\nhost all reader all scram-sha-256\n"

WRITING = ("INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "COPY", "TRUNCATE", "GRANT")
SECRET = quote(PASSWORD, safe="")
MISPLACED = f"postgresql://ann:{SECRET}@127.0.0.1/app"
WRONG_URLS = {
    "cannot be reached": f"postgresql://ann:{SECRET}@127.0.0.1:1/app",
    "URL is not a PostgreSQL URL": f"mysql://ann:{SECRET}@127.0.0.1/app",
    "host is invalid": "postgresql://ann:S3cr3t@w@rd@127.0.0.1/app",
    "URL is invalid": "postgresql://ann:S3cr3t",
    "The URL's query may contain only": f"postgresql://127.0.0.1/app?sslpassword={SECRET}",
    "sslmode is invalid": f"postgresql://127.0.0.1/app?sslmode={SECRET}",
    "port is invalid": f"postgresql:///app?port={SECRET}",
    "a parameter twice": f"postgresql:///app?password={SECRET}&password={SECRET}",
    "is not printable": f"postgresql://ann:{SECRET}%00@127.0.0.1/app",
}

# Reads owners and facts from the catalog with other queries than the command's.
CATALOG = """
SET search_path = pg_catalog;
WITH mine AS (
    SELECT c.* FROM pg_class c
    WHERE relnamespace = to_regnamespace(:'schema') AND relkind IN ('r', 'p', 'v', 'm', 'f')
), facts (owner, fact) AS (
    SELECT relname, relname::text FROM mine
    UNION ALL SELECT relname, attname FROM mine JOIN pg_attribute ON attrelid = mine.oid
        WHERE attnum > 0 AND NOT attisdropped
    UNION ALL SELECT relname, pg_get_expr(adbin, adrelid) FROM mine JOIN pg_attrdef ON adrelid = mine.oid
    UNION ALL SELECT relname, conname FROM mine JOIN pg_constraint ON conrelid = mine.oid
        WHERE contype <> 'n'
    UNION ALL SELECT relname, pg_get_constraintdef(pg_constraint.oid) FROM mine
        JOIN pg_constraint ON conrelid = mine.oid WHERE contype NOT IN ('n', 't')
    UNION ALL SELECT mine.relname, i.relname FROM mine
        JOIN pg_index ON indrelid = mine.oid JOIN pg_class i ON i.oid = indexrelid
    UNION ALL SELECT relname, tgname FROM mine JOIN pg_trigger ON tgrelid = mine.oid
        WHERE NOT tgisinternal
    UNION ALL SELECT relname, polname FROM mine JOIN pg_policy ON polrelid = mine.oid
    UNION ALL SELECT relname, rulename FROM mine JOIN pg_rewrite ON ev_class = mine.oid
        WHERE rulename <> '_RETURN'
    UNION ALL SELECT relname, stxname FROM mine JOIN pg_statistic_ext ON stxrelid = mine.oid
    UNION ALL SELECT relname, pg_get_viewdef(oid) FROM mine WHERE relkind IN ('v', 'm')
    UNION ALL SELECT relname, description FROM mine
        JOIN pg_description ON objoid = mine.oid AND classoid = 'pg_class'::regclass
    UNION ALL SELECT relname, 'PARTITION BY ' || pg_get_partkeydef(oid) FROM mine WHERE relkind = 'p'
    UNION ALL SELECT relname, inhparent::regclass::text FROM mine JOIN pg_inherits ON inhrelid = mine.oid
    UNION ALL SELECT relname, inhrelid::regclass::text FROM mine JOIN pg_inherits ON inhparent = mine.oid
    UNION ALL SELECT relname, 'row security' FROM mine WHERE relrowsecurity
    UNION ALL SELECT relname, 'unlogged' FROM mine WHERE relpersistence = 'u'
    UNION ALL SELECT relname, array_to_string(reloptions, ', ') FROM mine WHERE reloptions IS NOT NULL
    UNION ALL SELECT '', typname FROM pg_type LEFT JOIN pg_class c ON c.oid = typrelid
        WHERE typnamespace = to_regnamespace(:'schema')
            AND (typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
    UNION ALL SELECT '', quote_literal(enumlabel) FROM pg_enum JOIN pg_type t ON t.oid = enumtypid
        WHERE typnamespace = to_regnamespace(:'schema')
    UNION ALL SELECT '', proname FROM pg_proc WHERE pronamespace = to_regnamespace(:'schema')
        AND proname !~ '^span'
    UNION ALL SELECT '', sequencename FROM pg_sequences WHERE schemaname = :'schema'
        AND sequencename ~ 'numbers'
)
SELECT json_agg(facts) FROM facts
"""

FILM = [
    "title:text,index",
    "description:text,optional",
    "release_year:int,optional",
    "language:ref:language",
    "original_language:ref:language,optional",
    "rental_duration:int,default=3",
    "rental_rate:decimal:4:2,default=4.99",
    "length:int,optional",
    "replacement_cost:decimal:5:2,default=19.99",
    "rating:enum:G/PG/PG-13/R/NC-17,optional,default=G",
    "last_update:datetime",
    None,
    None,
]
EXPRESSIONS = {
    "film_id": "Integer",
    "title": "Text",
    "release_year": 'DOMAIN("year", Integer, create_type=False)',
    "rental_duration": "SmallInteger",
    "rental_rate": "Numeric(4, 2)",
    "rating": 'ENUM("G", "PG", "PG-13", "R", "NC-17", name="mpaa_rating", create_type=False)',
    "last_update": "DateTime(timezone=True)",
    "special_features": "ARRAY(Text)",
    "fulltext": "TSVECTOR",
}
# Why some tables are not resources, and what others leave out.
REASONS = {
    "film_actor": "its key has 2 columns: it links actor and film",
    "payment": "its key has 2 columns",
    "payment_p2022_01": "its rows are also rows of public.payment",
    "actor_info": "its rows come from a query",
    "rental_by_category": "its rows come from a query",
    "order_details": "its key has 2 columns: it links orders and products",
    "customers": "only the client can set it",
    "employees": "a field cannot declare hire_date > birth_date",
    "products": "it stores about six significant digits",
    "product": "it is generated stored as (listprice - standardcost)",
    "shift": "it is generated always as identity",
    "shoppingcartitem": "it has 2 columns",
    "person": "XML documents have no JSON type",
    "salesorderheader": "person.person is in another schema",
    "exotic": "a field cannot declare an exclusion constraint",
    "secrets": "its policies decide which rows the service may read and write",
    "follow_ups": "a column of its foreign key has a comma in its name, which SQLAlchemy cannot read",
    "children": "it has no primary key",
    "logs": "it has no primary key, though a unique constraint could serve as one",
    "chairs": "its name clashes with the resource chair of the table chair",
    "remote": "its rows are on another server",
    "データ": "no name can be derived from its name",
}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def listing(self) -> str:
        assert (self.code, self.err) == (0, "")
        assert not SECRET_PATTERN.search(self.out)
        return self.out

    @property
    def sentence(self) -> str:
        """The error message, which is the only output."""
        assert (self.code, self.out) == (1, ""), self.out + self.err
        assert re.fullmatch("Error: .+\n", self.err), self.err
        assert not SECRET_PATTERN.search(self.err), self.err
        return self.err


@dataclass(frozen=True)
class Databases:
    """The samples on a project's own server."""

    project: Project
    folder: Path

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}&port=5432"

    def sql(self, *jobs: tuple[str, str]) -> list[str]:
        """Run each script in its database and return the outputs."""
        answers: list[str] = json.loads(self._python(RUN_SQL, jobs))
        return answers

    def inspect(self, *commands: Sequence[str]) -> list[Done]:
        return [Done(*answer) for answer in json.loads(self._python(RUN_COMMANDS, commands))]

    def _python(self, script: str, given: object) -> str:
        done = subprocess.run(
            [uv(), "run", "--no-sync", "python", "-c", script],
            cwd=self.project.path,
            env=self.project.environment,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def databases(stack: Stack, install: Install) -> Iterator[Databases]:
    """Yield the database server of a shared project, locked during the test."""
    project = install(stack)
    with project.lock():
        project.delete_database()
        with project.postgres() as folder:
            yield Databases(project, folder)
        project.delete_database()


@each(OPPOSITES)
def test_lists_all_that_is_there(databases: Databases) -> None:
    questions = [(database, f"\\set schema {schema}\n{CATALOG}") for database, schema in SCHEMAS]
    answers = databases.sql(*((path.stem, path.read_text()) for path in SAMPLES), *questions)
    options = [("--url", databases.url(name), "--schema", schema) for name, schema in SCHEMAS]
    texts = databases.inspect(*options)
    listings = databases.inspect(*((*option, "--json") for option in options))
    proposals: dict[str, Any] = {}
    for answer, text, listing in zip(answers[len(SAMPLES) :], texts, listings, strict=True):
        found = json.loads(listing.listing)
        strings_by_owner = {table["table"]["name"]: strings_of(table) for table in found["tables"]}
        strings_by_owner[""] = strings_of(found["objects"])
        assert all(letter.isprintable() or letter == "\n" for letter in text.listing)
        paragraphs = unquoted(text.listing)
        for fact in json.loads(answer):
            assert any(fact["fact"] in value for value in strings_by_owner[fact["owner"]]), fact
            assert shown(fact["fact"]) in paragraphs, fact
        proposals |= {table["table"]["name"]: table for table in found["tables"]}
    check_proposals(proposals)


def check_proposals(proposals: dict[str, Any]) -> None:
    """Check the proposals for some tables, and that every unsupported column has a reason."""
    film = proposals["film"]
    assert [field["spec"] for field in film["fields"]] == FILM
    assert "name:str:50" in [field["spec"] for field in proposals["product"]["fields"]]
    types = {column["name"]: column["type"] for column in film["table"]["columns"]}
    assert {name: types[name]["expression"] for name in EXPRESSIONS} == EXPRESSIONS
    for table, reason in REASONS.items():
        assert reason in [finding["reason"] for finding in proposals[table]["findings"]]
    for proposal in proposals.values():
        subjects = {finding["subject"] for finding in proposal["findings"]}
        plain = [field["column"] for field in proposal["fields"] if field["spec"] is None]
        assert subjects.issuperset(f"column {column}" for column in plain)


def strings_of(value: Any) -> list[str]:
    """Return every string in a JSON value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings_of(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings_of(item)]
    return [value] if isinstance(value, str) else []


def shown(fact: str) -> str:
    """Return a fact as the listing shows it: on one line and without quotes."""
    line = re.sub(r"[ \t\r\n]+", " ", fact)
    escaped = (
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in line
    )
    return unquoted("".join(escaped))


def unquoted(text: str) -> str:
    return text.replace('"', "").replace(r"\n", " ")


@each(OPPOSITES)
def test_writes_nothing_and_needs_no_rights(databases: Databases) -> None:
    data = databases.project.path / ".postgres" / "data"
    rules = data / "pg_hba.conf"
    rules.write_text(ASK_PASSWORDS + rules.read_text())
    databases.sql(("reader", MAKE_READER))
    folder = quote(str(databases.folder), safe="")
    *read, refused = databases.inspect(
        ("--url", f"postgresql://reader:{SECRET}@/reader?host={folder}"),
        ("--url", f"postgres://reader:{SECRET}@/reader?host={folder}&port=5432&sslmode=prefer"),
        ("--url", f"postgresql+psycopg://reader@{folder}/reader?password={SECRET}&ssl=prefer"),
        ("--url", f"postgresql+asyncpg:///?host={folder}&user=reader&password={SECRET}", "--json"),
        ("--url", f"postgresql://reader:{SECRET}x@/reader?host={folder}"),
    )
    for done in read:
        assert "kept" in done.listing
    assert "password authentication failed" in refused.sentence

    logged = re.findall("(?:statement|execute [^:]+): +(.+)", (data / "server.log").read_text())
    assert len([line for line in logged if "READ ONLY" in line]) == len(read)
    assert not [line for line in logged if line.upper().startswith(WRITING)]


@each(OPPOSITES)
def test_says_in_a_sentence_what_is_wrong(databases: Databases) -> None:
    databases.sql(("shop", "CREATE TABLE orders (id uuid PRIMARY KEY)"))
    url = ("--url", databases.url("shop"))
    refusals = {
        "has no table 'order'; it has 'orders'": (*url, "--table", "order"),
        "has no schema 'sales'": (*url, "--schema", "sales"),
        "does not exist": ("--url", databases.url("none")),
        "is not a PostgreSQL URL": ("--url", PASSWORD),
        "Pass the database as --url": (*url, MISPLACED),
        "--json cannot be combined with --write": (*url, "--json", "--write"),
        "only be combined with --write": (*url, "--dry-run"),
        **{sentence: ("--url", wrong) for sentence, wrong in WRONG_URLS.items()},
    }
    for sentence, done in zip(refusals, databases.inspect(*refusals.values()), strict=True):
        assert sentence in done.sentence
    for done in databases.inspect((MISPLACED,), ("--json", MISPLACED), ("--ulr", MISPLACED)):
        assert done.code != 0
        assert not SECRET_PATTERN.search(done.out + done.err)
