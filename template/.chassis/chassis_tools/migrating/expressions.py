"""Comparison of expressions and types by PostgreSQL, which evaluates no volatile function."""

import re
from typing import Any

from sqlalchemy import Connection, Table, TextClause, text
from sqlalchemy.exc import DBAPIError

from app.core.sql.errors import get_sqlstate

from chassis_tools.adoption.baseline import escape_colons
from manage.errors import CommandError, summarize_error

# Errors of the server or the connection; others mean that an expression does not fit the table.
FAILURES = ("08", "25", "53", "54", "55", "57", "58", "XX")
READ_CHECK = text("""
SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint
WHERE conrelid = to_regclass(:table) AND contype = 'c'
""")
READ_DEFAULT = text("""
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = to_regclass(:table)
""")
# Without the default precision of times, and with the collation if the model's type has one.
READ_TYPE = text(r"""
SELECT regexp_replace(format_type(atttypid, atttypmod), '^(time.*|interval.*)[(]6[)]', '\1')
    || CASE WHEN :has_collation THEN attcollation::text ELSE '' END
FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attname = :column
""")
STORED_CHECK = text("""
SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint
WHERE conrelid = to_regclass(:table) AND conname = :name AND contype = 'c'
""")
COLUMN_TYPE = text("""
SELECT format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(:table) AND attname = :column
""")
READ_PREDICATE = text("""
SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indrelid = to_regclass(:table)
""")
STORED_PREDICATE = text("""
SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = to_regclass(:index)
""")
FUNCTION_NAME = re.compile(r'(\w+)"?\s*\(')
HAS_VOLATILE = text("""
SELECT EXISTS (SELECT FROM pg_proc WHERE provolatile = 'v' AND proname = ANY (:names))
""")


def is_same_check(connection: Connection, table: Table, name: str, condition: str) -> bool:
    """Return True if a CHECK constraint in the database has this condition.

    Colons in the condition are escaped, as `text()` requires.
    """
    parameters = {"table": format_table(connection, table), "name": name}
    stored = connection.scalar(STORED_CHECK, parameters)
    change = f"ADD CHECK ({condition})"
    try:
        return bool(stored == normalize(connection, table, change, READ_CHECK))
    except DBAPIError as error:
        return reject_failure(error)


def is_same_default(
    connection: Connection, table: Table, column: str, stored: str | None, expected: str | None
) -> bool:
    """Return True if a column's default in the database and the model's have the same value."""
    if expected is None or stored == expected:
        return stored == expected
    name = connection.dialect.identifier_preparer.quote(column)
    change = f"ALTER COLUMN {name} SET DEFAULT {expected}"
    try:
        normalized = normalize(connection, table, change, READ_DEFAULT)
        if stored is None or normalized is None or stored == normalized:
            return stored == normalized
        return not has_volatile_function(connection, f"{stored} {normalized}") and has_same_value(
            connection, table, column, escape_colons(stored), expected
        )
    except DBAPIError as error:
        return reject_failure(error)


def is_same_type(connection: Connection, table: Table, column: str, type_name: str) -> bool:
    """Return True if a column in the database has this type; an omitted collation is any."""
    parameters: dict[str, Any] = {"column": column, "has_collation": "COLLATE" in type_name}
    name = format_table(connection, table)
    stored = connection.scalar(READ_TYPE, {"table": name, **parameters})
    change = f"ADD COLUMN new_type {escape_colons(type_name)}"
    parameters["column"] = "new_type"
    try:
        return bool(stored == normalize(connection, table, change, READ_TYPE, **parameters))
    except DBAPIError as error:
        return reject_failure(error)


def is_same_predicate(
    connection: Connection, table: Table, index: str, condition: str | None
) -> bool:
    """Return True if a partial index in the database has this condition."""
    stored = connection.scalar(STORED_PREDICATE, {"index": index})
    if condition is None or stored is None:
        return condition is None and stored is None
    change = f"((0)) WHERE {condition}"
    command = "CREATE INDEX ON"
    try:
        return bool(stored == normalize(connection, table, change, READ_PREDICATE, command=command))
    except DBAPIError as error:
        return reject_failure(error)


def reject_failure(error: DBAPIError) -> bool:
    """Return False if an expression does not fit the database; raise the error otherwise."""
    state = get_sqlstate(error)
    if state is None or state.startswith(FAILURES):
        raise CommandError(f"The comparison failed: {summarize_error(error)}") from error
    return False


def normalize(
    connection: Connection,
    table: Table,
    change: str,
    query: TextClause,
    *,
    command: str = "ALTER TABLE",
    **parameters: Any,
) -> str | None:
    """Change an empty copy of a table, and return the expression that the query reads from it."""
    with connection.begin_nested() as savepoint:
        copy = create_copy(connection, table)
        connection.execute(text(f"{command} {copy} {change}"))
        normalized: str | None = connection.scalar(query, {"table": copy, **parameters})
        savepoint.rollback()
    return normalized


def create_copy(connection: Connection, table: Table) -> str:
    """Create an empty temporary copy with the table's name, which conditions may contain."""
    copy = f"pg_temp.{connection.dialect.identifier_preparer.quote(table.name)}"
    source = format_table(connection, table)
    try:
        connection.execute(text(f"CREATE TEMPORARY TABLE {copy} (LIKE {source})"))
    except DBAPIError as error:
        reason = summarize_error(error)
        message = f"The comparison cannot create a temporary table: {reason}"
        raise CommandError(message) from error
    return copy


def has_volatile_function(connection: Connection, expression: str) -> bool:
    """Return True if an expression may call a volatile function, such as nextval()."""
    names = FUNCTION_NAME.findall(expression)
    return bool(connection.scalar(HAS_VOLATILE, {"names": names}))


def has_same_value(
    connection: Connection, table: Table, column: str, stored: str, expected: str
) -> bool:
    """Evaluate two defaults; compare as text, because some types have no operator `=`."""
    parameters = {"table": format_table(connection, table), "column": column}
    type_name = connection.scalar(COLUMN_TYPE, parameters)
    values = [f"CAST(CAST({item} AS {type_name}) AS text)" for item in (stored, expected)]
    with connection.begin_nested():
        query = f"SELECT {values[0]} IS NOT DISTINCT FROM {values[1]}"  # noqa: S608 (no input)
        return bool(connection.scalar(text(query)))


def format_table(connection: Connection, table: Table) -> str:
    """Return a table's quoted name."""
    return connection.dialect.identifier_preparer.format_table(table)
