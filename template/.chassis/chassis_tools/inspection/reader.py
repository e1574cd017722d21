"""Reflection of a schema, with SQLAlchemy's Inspector and the catalog."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import SAWarning

from app.core.sql.errors import DATABASE_ERRORS

from chassis_tools.inspection.catalog import (
    OBJECTS,
    RELATIONS,
    Reflected,
    ReflectedTable,
    reflect_tables,
)
from chassis_tools.inspection.column_types import describe, restore_arguments
from chassis_tools.inspection.tables import (
    UNKNOWN,
    Check,
    Column,
    Expression,
    Feature,
    ForeignKey,
    Identity,
    Index,
    Key,
    Schema,
    Table,
)
from manage.connection import run_on_connection
from manage.errors import CommandError, summarize_error

MIN_SERVER_VERSION = 12
MAX_SUGGESTIONS = 5
CONSTRAINT_KINDS = {
    "c": "check",
    "f": "foreign key",
    "n": "not null",
    "p": "primary key",
    "u": "unique",
    "x": "exclusion constraint",
}


def read_schema(url: URL, schema: str, tables: Sequence[str] = ()) -> Schema:
    """Read a schema; without `tables`, all tables and other objects."""
    try:
        return run_on_connection(url, partial(read_on_connection, schema=schema, tables=tables))
    except DATABASE_ERRORS as error:
        raise CommandError(f"The database cannot be read: {summarize_error(error)}") from None


def read_on_connection(connection: Connection, schema: str, tables: Sequence[str]) -> Schema:
    """Read a schema in one read-only snapshot."""
    connection = connection.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    if (connection.dialect.server_version_info or ()) < (MIN_SERVER_VERSION,):
        raise CommandError(f"The server is older than PostgreSQL {MIN_SERVER_VERSION}: upgrade it")
    with connection.begin(), warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # An unknown type becomes a finding.
        restrict_session(connection)
        kinds = select_tables(connection, schema, tables)
        reflections = reflect_tables(connection, schema, kinds)
        built_tables = tuple(
            build_table(schema, name, kind, reflections[name]) for name, kind in kinds.items()
        )
        objects = () if tables else read_objects(connection, schema)
        return Schema(schema, built_tables, objects)


def restrict_session(connection: Connection) -> None:
    """Set timeouts and a safe search path for the transaction.

    With only `pg_catalog` on the path, user-defined functions cannot replace built-in ones, and
    PostgreSQL qualifies every other name with its schema.
    """
    connection.execute(text("SET LOCAL search_path = pg_catalog"))
    connection.execute(text("SET LOCAL statement_timeout = '60s'"))
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))


def select_tables(connection: Connection, schema: str, tables: Sequence[str]) -> dict[str, str]:
    """Return the kind of each table to read, by table name."""
    schemas = inspect(connection).get_schema_names()
    if schema not in schemas:
        raise CommandError(f"The database has no schema {schema!r}{suggest(schema, schemas)}")
    rows = connection.execute(RELATIONS, {"schema": schema})
    kinds = {str(row.name): str(row.kind) for row in rows}
    for table in tables:
        if table not in kinds:
            suggestion = suggest(table, list(kinds))
            raise CommandError(f"The schema {schema!r} has no table {table!r}{suggestion}")
    return {name: kind for name, kind in kinds.items() if not tables or name in tables}


def suggest(name: str, names: Sequence[str]) -> str:
    """Return similar names for an error message; the first names if none is similar."""
    suggestions = get_close_matches(name, names, MAX_SUGGESTIONS) or names[:MAX_SUGGESTIONS]
    return f"; it has {', '.join(map(repr, suggestions))}" if suggestions else ""


def read_objects(connection: Connection, schema: str) -> tuple[Feature, ...]:
    """Read the schema's objects other than tables."""
    rows = connection.execute(OBJECTS, {"schema": schema})
    return tuple(Feature(row.kind, row.name, row.definition) for row in rows)


def build_table(schema: str, name: str, kind: str, reflection: ReflectedTable) -> Table:
    """Build a table from its reflection."""
    definitions = {row["name"]: row["definition"] for row in reflection.constraints}
    key, *uniques = (
        read_key(reflected, definitions) for reflected in (reflection.key, *reflection.uniques)
    )
    checks = tuple(read_checks(reflection, definitions))
    foreign_keys = tuple(read_foreign_keys(reflection))
    table = Table(
        schema,
        name,
        kind,
        columns=tuple(read_columns(reflection)),
        key=key if key.columns else None,
        uniques=tuple(uniques),
        checks=checks,
        indexes=tuple(read_indexes(reflection)),
        foreign_keys=foreign_keys,
        features=tuple(read_features(reflection.features)),
        comment=reflection.comment["text"],
    )
    return replace(table, features=(*table.features, *find_unsupported(reflection, table)))


def read_columns(reflection: ReflectedTable) -> Iterator[Column]:
    """Read the columns in order."""
    types = {row["name"]: row for row in reflection.types}
    for reflected in reflection.columns:
        type_ = types[reflected["name"]]
        generated = reflected.get("computed", {})
        collation = getattr(reflected["type"], "collation", None)
        yield Column(
            reflected["name"],
            describe(restore_arguments(reflected["type"], type_["base"]), type_["sql"]),
            reflected["nullable"],
            default=reflected["default"],
            identity=read_identity(reflected.get("identity")),
            generated=generated.get("sqltext"),
            stored=generated.get("persisted", True),
            collation=collation if collation != "default" else None,
            comment=reflected["comment"],
            built_in=type_["built_in"],
            domain_checks=tuple(find_expressions(reflection, "domain", reflected["name"])),
            default_expression=find_expression(reflection, "default", reflected["name"]),
        )


def read_identity(reflected: Reflected | None) -> Identity | None:
    """Read the options of an identity column, or return None."""
    if reflected is None:
        return None
    options = {name: value for name, value in reflected.items() if name != "always"}
    return Identity(reflected["always"], options)


def read_key(reflected: Reflected, definitions: Reflected) -> Key:
    """Read a primary key or a unique constraint; a missing primary key has no columns."""
    columns = reflected.get("constrained_columns", reflected.get("column_names", []))
    return Key(reflected["name"] or "", definitions.get(reflected["name"], ""), tuple(columns))


def read_checks(reflection: ReflectedTable, definitions: Reflected) -> Iterator[Check]:
    """Read the check constraints that the Inspector supports."""
    for reflected in reflection.checks:
        if condition := reflected["sqltext"]:
            name = reflected["name"]
            yield Check(
                name, definitions[name], condition, find_expression(reflection, "check", name)
            )


def find_expressions(reflection: ReflectedTable, kind: str, name: str) -> Iterator[Expression]:
    """Find the expressions of a kind that belong to a name."""
    for row in reflection.expressions:
        if (row["kind"], row["name"]) == (kind, name):
            yield Expression(row["is_safe"], row["needs_omitted_objects"], row["condition"] or "")


def find_expression(reflection: ReflectedTable, kind: str, name: str) -> Expression:
    """Find the first expression of a kind that belongs to a name; UNKNOWN without one."""
    return next(find_expressions(reflection, kind, name), UNKNOWN)


def read_foreign_keys(reflection: ReflectedTable) -> Iterator[ForeignKey]:
    """Read the foreign keys; the Inspector splits column names at commas, the catalog does not."""
    options = {reflected["name"]: reflected["options"] for reflected in reflection.foreign_keys}
    for row in reflection.constraints:
        if row["name"] in options:
            extra = options[row["name"]]
            yield ForeignKey(
                row["name"],
                row["definition"],
                tuple(row["columns"]),
                row["target_schema"],
                row["target"],
                tuple(row["target_columns"]),
                on_delete=extra.get("ondelete"),
                on_update=extra.get("onupdate"),
                deferrable=extra.get("deferrable", False),
                initially=extra.get("initially"),
                match=extra.get("match"),
            )


def read_indexes(reflection: ReflectedTable) -> Iterator[Index]:
    """Read the indexes, except those of constraints."""
    definitions = {row["name"]: row["definition"] for row in reflection.index_definitions}
    for reflected in reflection.indexes:
        if "duplicates_constraint" not in reflected:
            expression = find_expression(reflection, "index", reflected["name"])
            yield read_index(reflected, definitions[reflected["name"]], expression)


def read_index(reflected: Reflected, definition: str, expression: Expression) -> Index:
    """Read an index and its options."""
    options = reflected.get("dialect_options", {})
    return Index(
        reflected["name"],
        tuple(reflected["column_names"]),
        tuple(reflected.get("expressions", reflected["column_names"])),
        definition,
        unique=reflected["unique"],
        where=options.get("postgresql_where"),
        method=options.get("postgresql_using", "btree"),
        include=tuple(options.get("postgresql_include", ())),
        operators=options.get("postgresql_ops", {}),
        sorting=reflected.get("column_sorting", {}),
        options=options.get("postgresql_with", {}),
        nulls_not_distinct=options.get("postgresql_nulls_not_distinct", False),
        valid=not options.get("postgresql_invalid", False),
        expression=expression,
    )


def read_features(features: Iterable[Reflected]) -> Iterator[Feature]:
    """Yield the objects of the table that no model declares."""
    for reflected in features:
        yield Feature(reflected["kind"], reflected["name"], reflected["definition"])


def find_unsupported(reflection: ReflectedTable, table: Table) -> Iterator[Feature]:
    """Find constraints that the Inspector does not support."""
    supported = {constraint.name for constraint in table.constraints}
    for row in reflection.constraints:
        if row["name"] not in supported:
            yield Feature(CONSTRAINT_KINDS[row["type"]], row["name"], row["definition"])
