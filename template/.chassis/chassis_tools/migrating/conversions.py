"""Conversions to types to which PostgreSQL casts no value by itself."""

from collections.abc import Iterator
from typing import Any

from alembic.operations.ops import (
    AlterColumnOp,
    CreateCheckConstraintOp,
    DropConstraintOp,
    ExecuteSQLOp,
    MigrateOperation,
)
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DBAPIError

from app.core.models import Base

from chassis_tools.adoption.baseline import escape_colons
from chassis_tools.migrating.expressions import format_table, normalize
from chassis_tools.migrating.losses import format_name

Key = tuple[str | None, str, str]
STORED_DEFAULT = text("""
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
WHERE adrelid = to_regclass(:table) AND attname = :column
""")
SELECT_NOTHING = text("SELECT NULL")


class ConvertColumnOp(ExecuteSQLOp):
    """Converts a column with a cast, which Alembic's operation renders without the cast."""

    def __init__(self, table_name: str, statement: str) -> None:
        super().__init__(escape_colons(statement))
        self.table_name = table_name


def cast_converted_columns(
    connection: Connection, upgrade: list[MigrateOperation], downgrade: list[MigrateOperation]
) -> None:
    """Convert columns with a cast if PostgreSQL has no cast that it applies by itself.

    A cast by itself rejects texts that are too long; the other one would shorten them.
    """
    casts = {
        get_key(operation): choose_cast(connection, operation)
        for operation in upgrade
        if isinstance(operation, AlterColumnOp)
        and operation.modify_type is not None
        and not is_possible(connection, operation)
    }
    for operations in (upgrade, downgrade):
        converted: list[MigrateOperation] = []
        for operation in operations:
            if isinstance(operation, AlterColumnOp) and get_key(operation) in casts:
                converted += convert(connection, operation, casts[get_key(operation)])
            else:
                converted.append(operation)
        operations[:] = sorted(converted, key=get_rank)


def get_key(operation: AlterColumnOp) -> Key:
    """Return the schema, table and column of an operation."""
    return operation.schema, operation.table_name, operation.column_name


def get_table(operation: AlterColumnOp) -> Table:
    """Return the model's table of an operation."""
    return Base.metadata.tables[format_name(operation.schema, operation.table_name)]


def is_possible(connection: Connection, operation: AlterColumnOp, using: str = "") -> bool:
    """Return True if PostgreSQL converts the column of an empty copy of the table."""
    change = f"{format_conversion(connection, operation)} {using}"
    try:
        normalize(connection, get_table(operation), change, SELECT_NOTHING)
    except DBAPIError:
        return False
    return True


def choose_cast(connection: Connection, operation: AlterColumnOp) -> str:
    """Return a column's value for the conversion, as text if there is no cast between the types."""
    column = connection.dialect.identifier_preparer.quote(operation.column_name)
    using = f"USING CAST({column} AS {format_type(connection, operation)})"
    is_direct = is_possible(connection, operation, escape_colons(using))
    return column if is_direct else f"CAST({column} AS text)"


def format_conversion(connection: Connection, operation: AlterColumnOp) -> str:
    """Return the clause of ALTER TABLE that changes a column's type."""
    column = connection.dialect.identifier_preparer.quote(operation.column_name)
    return escape_colons(f"ALTER {column} TYPE {format_type(connection, operation)}")


def format_type(connection: Connection, operation: AlterColumnOp) -> str:
    """Return the new type of a column in SQL."""
    new_type: Any = operation.modify_type
    return connection.dialect.type_compiler_instance.process(new_type)


def convert(
    connection: Connection, operation: AlterColumnOp, value: str
) -> Iterator[MigrateOperation]:
    """Yield a conversion with a cast, and the other changes of the operation."""
    table = format_table(connection, get_table(operation))
    column = connection.dialect.identifier_preparer.quote(operation.column_name)
    name = format_type(connection, operation)
    parameters = {"table": table, "column": operation.column_name}
    default = connection.scalar(STORED_DEFAULT, parameters)
    changes = [f"ALTER {column} TYPE {name} USING CAST({value} AS {name})"]
    if default is not None:
        changes.insert(0, f"ALTER {column} DROP DEFAULT")
        if operation.modify_server_default is False:
            changes.append(f"ALTER {column} SET DEFAULT CAST({default} AS {name})")
    yield ConvertColumnOp(operation.table_name, f"ALTER TABLE {table} {', '.join(changes)}")
    operation.existing_type, operation.modify_type = operation.modify_type, None
    if operation.has_changes():
        yield operation


def get_rank(operation: MigrateOperation) -> int:
    """Order CHECK constraints: dropped before the types of their columns change, created after."""
    if isinstance(operation, DropConstraintOp):
        return 0 if operation.constraint_type == "check" else 1
    return 2 if isinstance(operation, CreateCheckConstraintOp) else 1
