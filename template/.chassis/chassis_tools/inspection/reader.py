"""Reads a schema from the catalog."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import SAWarning

from app.core.sql.errors import DATABASE_ERRORS

from chassis_tools.inspection.catalog import OBJECTS, RELATIONS, Facts, Source, read_sources
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
    """Read a schema, with all its tables or only some."""
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
        sources = read_sources(connection, schema, kinds)
        found_tables = (
            build_table(schema, name, kind, sources[name]) for name, kind in kinds.items()
        )
        objects = () if tables else read_objects(connection, schema)
        return Schema(schema, tuple(found_tables), objects)


def restrict_session(connection: Connection) -> None:
    """Set timeouts and a safe search path for the transaction.

    With only `pg_catalog` on the path, user-defined functions cannot replace built-in ones, and
    PostgreSQL qualifies every other name with its schema.
    """
    connection.execute(text("SET LOCAL search_path = pg_catalog"))
    connection.execute(text("SET LOCAL statement_timeout = '60s'"))
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))


def select_tables(connection: Connection, schema: str, tables: Sequence[str]) -> dict[str, str]:
    """Return the kinds of the tables to read, by name."""
    schemas = inspect(connection).get_schema_names()
    if schema not in schemas:
        raise CommandError(f"The database has no schema {schema!r}{suggest(schema, schemas)}")
    rows = connection.execute(RELATIONS, {"schema": schema})
    kinds = {str(row.name): str(row.kind) for row in rows}
    for table in tables:
        if table not in kinds:
            near = suggest(table, list(kinds))
            raise CommandError(f"The schema {schema!r} has no table {table!r}{near}")
    return {name: kind for name, kind in kinds.items() if not tables or name in tables}


def suggest(name: str, names: Sequence[str]) -> str:
    """Return similar names for an error message, or the first names."""
    shown = get_close_matches(name, names, MAX_SUGGESTIONS) or names[:MAX_SUGGESTIONS]
    return f"; it has {', '.join(map(repr, shown))}" if shown else ""


def read_objects(connection: Connection, schema: str) -> tuple[Feature, ...]:
    """Read the schema's objects other than tables."""
    rows = connection.execute(OBJECTS, {"schema": schema})
    return tuple(Feature(row.kind, row.name, row.definition) for row in rows)


def build_table(schema: str, name: str, kind: str, source: Source) -> Table:
    """Build a table from its facts."""
    definitions = {row["name"]: row["definition"] for row in source.constraints}
    key, *uniques = (read_key(facts, definitions) for facts in (source.key, *source.uniques))
    checks = tuple(read_checks(source, definitions))
    foreign_keys = tuple(read_foreign_keys(source))
    table = Table(
        schema,
        name,
        kind,
        columns=tuple(read_columns(source)),
        key=key if key.columns else None,
        uniques=tuple(uniques),
        checks=checks,
        indexes=tuple(read_indexes(source)),
        foreign_keys=foreign_keys,
        features=tuple(read_features(source.features)),
        comment=source.comment["text"],
    )
    return replace(table, features=(*table.features, *find_unread(source, table)))


def read_columns(source: Source) -> Iterator[Column]:
    """Read the columns in order."""
    types = {row["name"]: row for row in source.types}
    for facts in source.columns:
        type_ = types[facts["name"]]
        generated = facts.get("computed", {})
        collation = getattr(facts["type"], "collation", None)
        yield Column(
            facts["name"],
            describe(restore_arguments(facts["type"], type_["base"]), type_["sql"]),
            facts["nullable"],
            default=facts["default"],
            identity=read_identity(facts.get("identity")),
            generated=generated.get("sqltext"),
            stored=generated.get("persisted", True),
            collation=collation if collation != "default" else None,
            comment=facts["comment"],
            built_in=type_["built_in"],
            rules=tuple(read_states(source, "domain", facts["name"])),
            default_state=read_state(source, "default", facts["name"]),
        )


def read_identity(facts: Facts | None) -> Identity | None:
    """Read the options of an identity column, or return None."""
    if facts is None:
        return None
    options = {name: value for name, value in facts.items() if name != "always"}
    return Identity(facts["always"], options)


def read_key(facts: Facts, definitions: Facts) -> Key:
    """Read a primary key, which has no columns if there is none, or a unique constraint."""
    columns = facts.get("constrained_columns", facts.get("column_names", []))
    return Key(facts["name"] or "", definitions.get(facts["name"], ""), tuple(columns))


def read_checks(source: Source, definitions: Facts) -> Iterator[Check]:
    """Read the checks that the Inspector supports."""
    for facts in source.checks:
        if condition := facts["sqltext"]:
            name = facts["name"]
            yield Check(name, definitions[name], condition, read_state(source, "check", name))


def read_states(source: Source, kind: str, name: str) -> Iterator[Expression]:
    """Read the properties of all expressions of a name."""
    for row in source.expressions:
        if (row["kind"], row["name"]) == (kind, name):
            yield Expression(row["is_harmless"], row["is_lost"], row["condition"] or "")


def read_state(source: Source, kind: str, name: str) -> Expression:
    """Read the properties of one expression."""
    return next(read_states(source, kind, name), UNKNOWN)


def read_foreign_keys(source: Source) -> Iterator[ForeignKey]:
    """Read the foreign keys, with column names from the catalog: the Inspector splits at commas."""
    options = {facts["name"]: facts["options"] for facts in source.foreign_keys}
    for row in source.constraints:
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


def read_indexes(source: Source) -> Iterator[Index]:
    """Read the indexes, without those of constraints."""
    definitions = {row["name"]: row["definition"] for row in source.index_definitions}
    for facts in source.indexes:
        if "duplicates_constraint" not in facts:
            state = read_state(source, "index", facts["name"])
            yield read_index(facts, definitions[facts["name"]], state)


def read_index(facts: Facts, definition: str, state: Expression) -> Index:
    """Read an index and its options."""
    options = facts.get("dialect_options", {})
    return Index(
        facts["name"],
        tuple(facts["column_names"]),
        tuple(facts.get("expressions", facts["column_names"])),
        definition,
        unique=facts["unique"],
        where=options.get("postgresql_where"),
        method=options.get("postgresql_using", "btree"),
        include=tuple(options.get("postgresql_include", ())),
        operators=options.get("postgresql_ops", {}),
        sorting=facts.get("column_sorting", {}),
        options=options.get("postgresql_with", {}),
        nulls_not_distinct=options.get("postgresql_nulls_not_distinct", False),
        valid=not options.get("postgresql_invalid", False),
        state=state,
    )


def read_features(features: Iterable[Facts]) -> Iterator[Feature]:
    """Read objects of the table that no model declares."""
    for facts in features:
        yield Feature(facts["kind"], facts["name"], facts["definition"])


def find_unread(source: Source, table: Table) -> Iterator[Feature]:
    """Find constraints that the Inspector does not support."""
    read = {constraint.name for constraint in table.constraints}
    for row in source.constraints:
        if row["name"] not in read:
            yield Feature(CONSTRAINT_KINDS[row["type"]], row["name"], row["definition"])
