"""A schema, read from the catalog."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import SAWarning

from app.core.sql.errors import DATABASE_ERRORS

from chassis_tools.inspection.catalog import OBJECTS, RELATIONS, Facts, Source, read_sources
from chassis_tools.inspection.column_types import describe, restored
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

CONSTRAINT_KINDS = {
    "c": "check",
    "f": "foreign key",
    "n": "not null",
    "p": "primary key",
    "u": "unique",
    "x": "exclusion constraint",
}


def assemble(schema: str, name: str, kind: str, source: Source) -> Table:
    """The table with all that belongs to it."""
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
    return replace(table, features=(*table.features, *unread(source, table)))


def read_columns(source: Source) -> Iterator[Column]:
    """The columns in their order."""
    types = {row["name"]: row for row in source.types}
    for facts in source.columns:
        type_ = types[facts["name"]]
        generated = facts.get("computed", {})
        collation = getattr(facts["type"], "collation", None)
        yield Column(
            facts["name"],
            describe(restored(facts["type"], type_["base"]), type_["sql"]),
            facts["nullable"],
            default=facts["default"],
            identity=read_identity(facts.get("identity")),
            generated=generated.get("sqltext"),
            stored=generated.get("persisted", True),
            collation=collation if collation != "default" else None,
            comment=facts["comment"],
            built_in=type_["built_in"],
            rules=tuple(read_states(source, "domain", facts["name"])),
            default_state=state_of(source, "default", facts["name"]),
        )


def read_identity(facts: Facts | None) -> Identity | None:
    """How PostgreSQL numbers the rows, if it does."""
    if facts is None:
        return None
    options = {name: value for name, value in facts.items() if name != "always"}
    return Identity(facts["always"], options)


def read_key(facts: Facts, definitions: Facts) -> Key:
    """The primary key, which may have no columns, or a unique constraint."""
    columns = facts.get("constrained_columns", facts.get("column_names", []))
    return Key(facts["name"] or "", definitions.get(facts["name"], ""), tuple(columns))


def read_checks(source: Source, definitions: Facts) -> Iterator[Check]:
    """The checks that the Inspector could read."""
    for facts in source.checks:
        if condition := facts["sqltext"]:
            name = facts["name"]
            yield Check(name, definitions[name], condition, state_of(source, "check", name))


def read_states(source: Source, kind: str, name: str) -> Iterator[Expression]:
    """What the catalog says of the expressions that have the name."""
    for row in source.expressions:
        if (row["kind"], row["name"]) == (kind, name):
            yield Expression(row["is_harmless"], row["is_lost"], row["condition"] or "")


def state_of(source: Source, kind: str, name: str) -> Expression:
    """What the catalog says of the expression."""
    return next(read_states(source, kind, name), UNKNOWN)


def read_foreign_keys(source: Source) -> Iterator[ForeignKey]:
    """The foreign keys; their names from the catalog, as the Inspector splits them at commas."""
    options = {facts["name"]: facts["options"] for facts in source.foreign_keys}
    for row in source.constraints:
        if row["name"] in options:
            told = options[row["name"]]
            yield ForeignKey(
                row["name"],
                row["definition"],
                tuple(row["columns"]),
                row["target_schema"],
                row["target"],
                tuple(row["target_columns"]),
                on_delete=told.get("ondelete"),
                on_update=told.get("onupdate"),
                deferrable=told.get("deferrable", False),
                initially=told.get("initially"),
                match=told.get("match"),
            )


def read_indexes(source: Source) -> Iterator[Index]:
    """The indexes, but for those that a constraint keeps."""
    definitions = {row["name"]: row["definition"] for row in source.index_definitions}
    for facts in source.indexes:
        if "duplicates_constraint" not in facts:
            state = state_of(source, "index", facts["name"])
            yield read_index(facts, definitions[facts["name"]], state)


def read_index(facts: Facts, definition: str, state: Expression) -> Index:
    """An index with whatever is particular about it."""
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
    """What belongs to the table and to no model."""
    for facts in features:
        yield Feature(facts["kind"], facts["name"], facts["definition"])


def unread(source: Source, table: Table) -> Iterator[Feature]:
    """The constraints that the Inspector does not know or could not read."""
    read = {constraint.name for constraint in table.constraints}
    for row in source.constraints:
        if row["name"] not in read:
            yield Feature(CONSTRAINT_KINDS[row["type"]], row["name"], row["definition"])


OLDEST_VERSION = 12
SUGGESTIONS = 5


def read_schema(url: URL, schema: str, tables: Sequence[str] = ()) -> Schema:
    """What a schema holds, or of its tables those that are named."""
    try:
        return run_on_connection(url, partial(read, schema=schema, tables=tables))
    except DATABASE_ERRORS as error:
        raise CommandError(f"The database cannot be read: {summarize_error(error)}") from None


def read(connection: Connection, schema: str, tables: Sequence[str]) -> Schema:
    """Read one moment of the schema."""
    connection = connection.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    if (connection.dialect.server_version_info or ()) < (OLDEST_VERSION,):
        raise CommandError(f"The server is older than PostgreSQL {OLDEST_VERSION}")
    with connection.begin(), warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # A type that it does not know is a finding.
        restrain(connection)
        kinds = chosen_tables(connection, schema, tables)
        sources = read_sources(connection, schema, kinds)
        found = (assemble(schema, name, kind, sources[name]) for name, kind in kinds.items())
        objects = () if tables else read_objects(connection, schema)
        return Schema(schema, tuple(found), objects)


def restrain(connection: Connection) -> None:
    """Wait for nothing long, and trust nothing that the database's users made.

    With PostgreSQL's own schema alone on the path, its functions cannot be replaced by theirs, and
    every name is told with its schema.
    """
    connection.execute(text("SET LOCAL search_path = pg_catalog"))
    connection.execute(text("SET LOCAL statement_timeout = '60s'"))
    connection.execute(text("SET LOCAL lock_timeout = '5s'"))


def chosen_tables(connection: Connection, schema: str, tables: Sequence[str]) -> dict[str, str]:
    """The tables to read, each with its kind."""
    schemas = inspect(connection).get_schema_names()
    if schema not in schemas:
        raise CommandError(f"There is no schema {schema!r}{suggestion(schema, schemas)}")
    rows = connection.execute(RELATIONS, {"schema": schema})
    kinds = {str(row.name): str(row.kind) for row in rows}
    for table in tables:
        if table not in kinds:
            near = suggestion(table, list(kinds))
            raise CommandError(f"There is no table {table!r} in the schema {schema!r}{near}")
    return {name: kind for name, kind in kinds.items() if not tables or name in tables}


def suggestion(name: str, names: Sequence[str]) -> str:
    """What could have been meant, else some of what there is."""
    shown = get_close_matches(name, names, SUGGESTIONS) or names[:SUGGESTIONS]
    return f", but {', '.join(map(repr, shown))}" if shown else ""


def read_objects(connection: Connection, schema: str) -> tuple[Feature, ...]:
    """What the schema holds beside its tables."""
    rows = connection.execute(OBJECTS, {"schema": schema})
    return tuple(Feature(row.kind, row.name, row.definition) for row in rows)
