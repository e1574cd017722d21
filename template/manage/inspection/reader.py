"""Reads a schema in one READ ONLY transaction; it takes no right but to connect."""

import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import SAWarning

from app.core.database_errors import DATABASE_ERRORS
from manage.connection import run_on_connection
from manage.errors import CommandError, reason
from manage.inspection.assembly import assemble
from manage.inspection.catalog import OBJECTS, RELATIONS
from manage.inspection.reflection import read_sources
from manage.inspection.tables import Feature, Schema

OLDEST_VERSION = 12
SUGGESTIONS = 5


def read_schema(url: URL, schema: str, tables: Sequence[str] = ()) -> Schema:
    """What a schema holds, or of its tables those that are named."""
    try:
        return run_on_connection(url, partial(read, schema=schema, tables=tables))
    except DATABASE_ERRORS as error:
        raise CommandError(f"The database cannot be read: {reason(error)}") from None


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
