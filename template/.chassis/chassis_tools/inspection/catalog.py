"""Queries of PostgreSQL's catalog that complement SQLAlchemy's Inspector."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, TextClause, inspect, text
from sqlalchemy.engine.reflection import ObjectKind

# Node types that a safe expression may contain. None can run a query or call a function by name, as
# query_to_xml() and SQL/JSON conversions can. The list covers all supported versions of PostgreSQL.
SAFE_NODES = [
    *("VAR", "CONST", "FUNCEXPR", "OPEXPR", "DISTINCTEXPR", "NULLIFEXPR", "SCALARARRAYOPEXPR"),
    *("BOOLEXPR", "NULLTEST", "BOOLEANTEST", "SQLVALUEFUNCTION", "RELABELTYPE", "COERCEVIAIO"),
    *("ARRAYCOERCEEXPR", "CASE", "CASEEXPR", "WHEN", "CASEWHEN", "CASETESTEXPR", "ARRAY"),
    *("ARRAYEXPR", "COALESCE", "COALESCEEXPR", "MINMAX", "MINMAXEXPR", "COERCETODOMAINVALUE"),
]
# Functions that a safe expression may call, besides immutable functions, operators and casts.
SAFE_FUNCTIONS = [
    *("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp", "gen_random_uuid"),
    *("uuidv4", "uuidv7", "random", "age", "date_part", "date_trunc", "extract", "timezone"),
    *("to_char", "to_date", "to_timestamp", "make_timestamptz", "concat", "concat_ws"),
]

RELATIONS = text("""
SELECT c.relname AS name,
    CASE c.relkind
        WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
        WHEN 'f' THEN 'foreign table' ELSE 'table'
    END AS kind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY c.relname
""")

TYPES = text("""
SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS sql,
    CASE WHEN d.typtype = 'd' THEN format_type(d.typbasetype, d.typtypmod) END AS base,
    -- The built-in type that the domains are based on: casts to other types may run user code.
    (
        WITH RECURSIVE base_types (type, modifier) AS (
            SELECT a.atttypid, a.atttypmod
            UNION ALL
            SELECT u.typbasetype, u.typtypmod
            FROM base_types JOIN pg_type u ON u.oid = base_types.type WHERE u.typtype = 'd'
        )
        SELECT format_type(base_types.type, base_types.modifier)
        FROM base_types JOIN pg_type u ON u.oid = base_types.type
        WHERE u.typtype <> 'd' AND u.oid < 16384
    ) AS built_in
FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type d ON d.oid = CASE t.typcategory WHEN 'A' THEN t.typelem ELSE t.oid END
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND a.attnum > 0 AND NOT a.attisdropped
""")

CONSTRAINTS = text("""
SELECT c.relname AS table, o.conname AS name, o.contype::text AS type,
    pg_get_constraintdef(o.oid) AS definition,
    tn.nspname AS target_schema, t.relname AS target,
    ARRAY(
        SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY k (number, ordinal)
            JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.number
        ORDER BY k.ordinal
    ) AS columns,
    ARRAY(
        SELECT a.attname::text FROM unnest(o.confkey) WITH ORDINALITY k (number, ordinal)
            JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.number
        ORDER BY k.ordinal
    ) AS target_columns
FROM pg_constraint o
    JOIN pg_class c ON c.oid = o.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class t ON t.oid = o.confrelid
    LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE n.nspname = :schema AND o.contype <> 't' AND NOT (o.contype = 'n' AND o.convalidated)
ORDER BY c.relname, o.conname
""")

# Expressions of checks, defaults and indexes; a domain's check has a row for each of its columns.
EXPRESSIONS = text(r"""
WITH RECURSIVE relations AS (
    SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
), domains (relation, name, type) AS (
    SELECT a.attrelid, a.attname, a.atttypid
    FROM pg_attribute a JOIN relations c ON c.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT d.relation, d.name, t.typbasetype
    FROM domains d JOIN pg_type t ON t.oid = d.type WHERE t.typtype = 'd'
), expressions (relation, kind, name, class, object, tree, condition) AS (
    SELECT o.conrelid, 'check', o.conname, 'pg_constraint'::regclass, o.oid, o.conbin::text, NULL
    FROM pg_constraint o WHERE o.contype = 'c'
    UNION ALL
    SELECT d.relation, 'domain', d.name, 'pg_constraint'::regclass, o.oid, o.conbin::text,
        pg_get_expr(o.conbin, 0)
    FROM domains d JOIN pg_constraint o ON o.contypid = d.type WHERE o.contype = 'c'
    UNION ALL
    SELECT d.adrelid, 'default', a.attname, 'pg_attrdef'::regclass, d.oid, d.adbin::text, NULL
    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL
    SELECT x.indrelid, 'index', i.relname, 'pg_class'::regclass, i.oid, '', NULL
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
), needs AS (
    -- initdb creates the built-in objects, with lower OIDs.
    SELECT e.class, e.object, d.refclassid, d.refobjid
    FROM expressions e JOIN pg_depend d ON d.classid = e.class AND d.objid = e.object
    WHERE d.refobjid >= 16384 AND d.deptype <> 'a'
        AND NOT (d.refclassid = 'pg_class'::regclass AND d.refobjid = e.relation)
        AND NOT (d.refclassid = 'pg_constraint'::regclass)
)
SELECT c.relname AS table, e.kind, e.name, e.condition,
    EXISTS (
        SELECT FROM needs n
        WHERE (n.class, n.object) = (e.class, e.object)
            AND n.refclassid IN (
                'pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass
            )
            AND NOT EXISTS (
                SELECT FROM pg_depend d
                WHERE (d.classid, d.objid, d.deptype) = (n.refclassid, n.refobjid, 'e')
            )
    ) AS needs_omitted_objects,
    NOT EXISTS (SELECT FROM needs n WHERE (n.class, n.object) = (e.class, e.object))
    AND NOT EXISTS (
        SELECT FROM regexp_matches(e.tree, '\{([A-Z]+)', 'g') AS node
        WHERE node[1] <> ALL (CAST(:nodes AS text[]))
    )
    AND NOT EXISTS (
        SELECT FROM regexp_matches(e.tree, '\{FUNCEXPR .funcid ([0-9]+)', 'g') AS call
            JOIN pg_proc p ON p.oid = call[1]::oid
        WHERE NOT (
            p.provolatile = 'i' OR p.proname = ANY (CAST(:functions AS text[]))
            OR EXISTS (SELECT FROM pg_cast s WHERE s.castfunc = p.oid AND s.oid < 16384)
            OR EXISTS (SELECT FROM pg_operator s WHERE s.oprcode = p.oid AND s.oid < 16384)
        )
    ) AS is_safe
FROM expressions e JOIN relations c ON c.oid = e.relation
""").bindparams(nodes=SAFE_NODES, functions=SAFE_FUNCTIONS)

INDEXES = text("""
SELECT c.relname AS table, i.relname AS name, pg_get_indexdef(x.indexrelid) AS definition
FROM pg_index x
    JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema
""")

FEATURES = text("""
WITH relations AS (
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
)
SELECT c.relname AS table, 'partitioning' AS kind, c.relname AS name,
    'PARTITION BY ' || pg_get_partkeydef(c.oid) AS definition
FROM relations c WHERE c.relkind = 'p'
UNION ALL
SELECT c.relname, CASE WHEN c.relispartition THEN 'partition of' ELSE 'parent' END,
    format('%I.%I', n.nspname, p.relname), coalesce(pg_get_expr(c.relpartbound, c.oid), 'INHERITS')
FROM relations c
    JOIN pg_inherits i ON i.inhrelid = c.oid
    JOIN pg_class p ON p.oid = i.inhparent
    JOIN pg_namespace n ON n.oid = p.relnamespace
UNION ALL
SELECT c.relname, CASE WHEN p.relispartition THEN 'partition' ELSE 'child table' END,
    format('%I.%I', n.nspname, p.relname), coalesce(pg_get_expr(p.relpartbound, p.oid), 'INHERITS')
FROM relations c
    JOIN pg_inherits i ON i.inhparent = c.oid
    JOIN pg_class p ON p.oid = i.inhrelid
    JOIN pg_namespace n ON n.oid = p.relnamespace
UNION ALL
SELECT c.relname, 'row security', c.relname,
    CASE WHEN c.relforcerowsecurity THEN 'FORCE' ELSE 'ENABLE' END || ' ROW LEVEL SECURITY'
FROM relations c WHERE c.relrowsecurity OR c.relforcerowsecurity
UNION ALL
SELECT c.relname, 'policy', p.polname, concat_ws(' ',
    CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    'FOR ' || CASE p.polcmd
        WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
        WHEN 'd' THEN 'DELETE' ELSE 'ALL'
    END,
    'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
    'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
FROM relations c JOIN pg_policy p ON p.polrelid = c.oid
UNION ALL
SELECT c.relname, 'trigger', t.tgname, pg_get_triggerdef(t.oid)
FROM relations c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT c.relname, 'rule', r.rulename, pg_get_ruledef(r.oid)
FROM relations c JOIN pg_rewrite r ON r.ev_class = c.oid WHERE r.rulename <> '_RETURN'
UNION ALL
SELECT c.relname, 'query', c.relname, pg_get_viewdef(c.oid)
FROM relations c WHERE c.relkind IN ('v', 'm')
UNION ALL
SELECT c.relname, 'statistics', s.stxname, pg_get_statisticsobjdef(s.oid)
FROM relations c JOIN pg_statistic_ext s ON s.stxrelid = c.oid
UNION ALL
SELECT c.relname, 'unlogged', c.relname, 'UNLOGGED'
FROM relations c WHERE c.relpersistence = 'u'
UNION ALL
SELECT c.relname, 'storage options', c.relname, array_to_string(c.reloptions, ', ')
FROM relations c WHERE c.reloptions IS NOT NULL
ORDER BY 1, 2, 3
""")

OBJECTS = text("""
-- Objects that belong to an extension or were created with another object.
WITH owned AS (SELECT classid, objid FROM pg_depend WHERE deptype IN ('e', 'i'))
SELECT CASE t.typtype
        WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite type'
        ELSE 'range type'
    END AS kind,
    t.typname AS name,
    CASE t.typtype
        WHEN 'e' THEN (
            SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
            FROM pg_enum e WHERE e.enumtypid = t.oid
        )
        WHEN 'd' THEN concat_ws(' ',
            format_type(t.typbasetype, t.typtypmod),
            'DEFAULT ' || t.typdefault,
            CASE WHEN t.typnotnull THEN 'NOT NULL' END,
            (
                SELECT string_agg(pg_get_constraintdef(o.oid), ' ' ORDER BY o.conname)
                FROM pg_constraint o WHERE o.contypid = t.oid AND o.contype = 'c'
            ))
        WHEN 'c' THEN (
            SELECT string_agg(
                format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
                ORDER BY a.attnum
            )
            FROM pg_attribute a WHERE a.attrelid = t.typrelid AND NOT a.attisdropped
        )
        ELSE (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid)
    END AS definition
FROM pg_type t
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE n.nspname = :schema AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
    AND ('pg_type'::regclass, t.oid) NOT IN (SELECT classid, objid FROM owned)
UNION ALL
SELECT CASE p.prokind
        WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' WHEN 'w' THEN 'window function'
        ELSE 'function'
    END,
    p.proname, '(' || pg_get_function_identity_arguments(p.oid) || ')'
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = :schema AND ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM owned)
UNION ALL
SELECT 'extension', e.extname, e.extversion
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE n.nspname = :schema
UNION ALL
SELECT 'sequence', c.relname, ''
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relkind = 'S' AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e')
)
ORDER BY 1, 2, 3
""")

INSPECTOR = {
    "columns": "get_multi_columns",
    "key": "get_multi_pk_constraint",
    "uniques": "get_multi_unique_constraints",
    "checks": "get_multi_check_constraints",
    "indexes": "get_multi_indexes",
    "foreign_keys": "get_multi_foreign_keys",
    "comment": "get_multi_table_comment",
}
CATALOG = {
    "types": TYPES,
    "constraints": CONSTRAINTS,
    "index_definitions": INDEXES,
    "features": FEATURES,
    "expressions": EXPRESSIONS,
}

Reflected = Mapping[str, Any]
RowsByTable = dict[str, list[Reflected]]


@dataclass(frozen=True)
class ReflectedTable:
    """A table as reflected by the Inspector (up to `comment`) and by the catalog (from `types`)."""

    columns: list[Reflected]
    key: Reflected
    uniques: list[Reflected]
    checks: list[Reflected]
    indexes: list[Reflected]
    foreign_keys: list[Reflected]
    comment: Reflected
    types: list[Reflected]
    constraints: list[Reflected]
    index_definitions: list[Reflected]
    features: list[Reflected]
    expressions: list[Reflected]


def reflect_tables(
    connection: Connection, schema: str, tables: Collection[str]
) -> dict[str, ReflectedTable]:
    """Reflect the tables; return them by name."""
    inspector = inspect(connection)
    inspected: dict[str, dict[tuple[str, str], Any]] = {
        part: getattr(inspector, method)(
            schema=schema, filter_names=list(tables), kind=ObjectKind.ANY
        )
        for part, method in INSPECTOR.items()
    }
    catalog = {part: read_by_table(connection, query, schema) for part, query in CATALOG.items()}
    return {
        name: ReflectedTable(
            **get_table_parts(inspected, (schema, name)), **get_table_parts(catalog, name)
        )
        for name in tables
    }


def get_table_parts(parts: Mapping[str, Mapping[Any, Any]], table: object) -> dict[str, Any]:
    """Return the parts of a table's reflection by name."""
    return {part: tables[table] for part, tables in parts.items()}


def read_by_table(connection: Connection, query: TextClause, schema: str) -> RowsByTable:
    """Run a catalog query; return its rows by table."""
    rows: RowsByTable = defaultdict(list)
    for row in connection.execute(query, {"schema": schema}).mappings():
        rows[row["table"]].append(dict(row))
    return rows
