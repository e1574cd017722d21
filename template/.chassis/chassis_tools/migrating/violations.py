"""Existing rows that violate a CHECK constraint of a new migration."""

import re
from collections.abc import Iterable, Iterator

from alembic.operations.ops import CreateCheckConstraintOp, MigrateOperation
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DBAPIError

from app.core.models import Base

from chassis_tools.adoption.baseline import escape_colons
from chassis_tools.migrating.expressions import format_table
from chassis_tools.migrating.losses import format_name

MAX_VALUES = 5


def describe_violations(
    connection: Connection, operations: Iterable[MigrateOperation]
) -> Iterator[str]:
    """Yield a line for each CHECK constraint that existing rows violate, with their values."""
    for operation in operations:
        if not isinstance(operation, CreateCheckConstraintOp):
            continue
        table = Base.metadata.tables[format_name(operation.schema, operation.table_name)]
        condition = render_condition(operation, connection)
        if values := find_violating_values(connection, table, condition):
            name = operation.constraint_name
            yield f"{name} would reject rows of {table} ({', '.join(values)})"


def render_condition(operation: CreateCheckConstraintOp, connection: Connection) -> str:
    """Render the condition of a constraint as SQL, with colons escaped for `text()`."""
    context = MigrationContext.configure(connection)
    return context.impl.render_ddl_sql_expr(operation.to_constraint().sqltext)


def find_violating_values(connection: Connection, table: Table, condition: str) -> list[str]:
    """Return the values of the condition's columns in rows that violate it."""
    names = [column.name for column in table.c if is_used(column.name, condition)]
    quote = connection.dialect.identifier_preparer.quote
    # As text, because values of some types, such as json, cannot be compared.
    columns = [f"CAST({escape_colons(quote(name))} AS text)" for name in names]
    query = (
        f"SELECT DISTINCT {', '.join(columns) or '1'} FROM {format_table(connection, table)}"  # noqa: S608
        f" WHERE NOT ({condition}) LIMIT {MAX_VALUES}"
    )
    try:
        with connection.begin_nested():
            rows = connection.execute(text(query)).all()
    except DBAPIError:  # The condition uses a column that the migration adds.
        return []
    return [
        " and ".join(f"{name}={value!r}" for name, value in zip(names, row, strict=False))
        for row in rows
    ]


def is_used(name: str, condition: str) -> bool:
    """Return True if a condition contains a column's name."""
    return bool(re.search(rf"(?<!\w){re.escape(escape_colons(name))}(?!\w)", condition))
