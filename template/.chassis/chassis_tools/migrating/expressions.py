"""Comparison of expressions by PostgreSQL, which evaluates no volatile function."""

import re

from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DBAPIError

from chassis_tools.adoption.baseline import escape_colons

# An empty temporary copy of a table, on which PostgreSQL normalizes an expression.
SCRATCH = "expression_scratch"
READ_CHECK = f"""
SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint
WHERE conrelid = '{SCRATCH}'::regclass AND contype = 'c'
"""  # noqa: S608 (a constant)
READ_DEFAULT = f"""
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = '{SCRATCH}'::regclass
"""  # noqa: S608 (a constant)
STORED_CHECK = text("""
SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint
WHERE conrelid = to_regclass(:table) AND conname = :name AND contype = 'c'
""")
COLUMN_TYPE = text("""
SELECT format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(:table) AND attname = :column
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
    except DBAPIError:  # The condition does not fit the table as it is in the database.
        return False


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
        return not has_volatile_function(connection, stored + normalized) and has_same_value(
            connection, table, column, escape_colons(stored), expected
        )
    except DBAPIError:  # The default does not fit the column as it is in the database.
        return False


def normalize(connection: Connection, table: Table, change: str, query: str) -> str | None:
    """Change a copy of a table, and return the expression that the query reads from it."""
    with connection.begin_nested() as savepoint:
        source = format_table(connection, table)
        connection.execute(text(f"CREATE TEMPORARY TABLE {SCRATCH} (LIKE {source})"))
        connection.execute(text(f"ALTER TABLE {SCRATCH} {change}"))
        normalized: str | None = connection.scalar(text(query))
        savepoint.rollback()
    return normalized


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
