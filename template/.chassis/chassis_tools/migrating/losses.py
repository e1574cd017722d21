"""The data that a migration would drop or convert."""

from collections.abc import Iterable, Iterator

from alembic.operations.ops import AlterColumnOp, DropColumnOp, DropTableOp, MigrateOperation
from sqlalchemy import Numeric, String
from sqlalchemy.types import TypeEngine


def describe_losses(operations: Iterable[MigrateOperation]) -> Iterator[str]:
    """Yield a line for each table or column that is dropped or converted to another type."""
    for operation in operations:
        if isinstance(operation, DropTableOp):
            yield f"drops the table {format_name(operation.schema, operation.table_name)}"
        elif isinstance(operation, DropColumnOp):
            table = format_name(operation.schema, operation.table_name)
            yield f"drops the column {table}.{operation.column_name}"
        elif isinstance(operation, AlterColumnOp) and operation.modify_type is not None:
            existing, new = operation.existing_type, operation.modify_type
            if not is_widened(existing, new):
                table = format_name(operation.schema, operation.table_name)
                yield f"converts {table}.{operation.column_name} from {existing} to {new}"


def format_name(schema: str | None, table: str) -> str:
    """Return a table's name with its schema, if it has one."""
    return f"{schema}.{table}" if schema else table


def is_widened(existing: TypeEngine[object] | None, new: TypeEngine[object]) -> bool:
    """Return True if every value fits the new type unchanged: a longer text or number."""
    if isinstance(existing, String) and isinstance(new, String):
        return new.length is None or (existing.length is not None and existing.length <= new.length)
    if isinstance(existing, Numeric) and isinstance(new, Numeric):
        return existing.scale == new.scale and (existing.precision or 0) <= (new.precision or 0)
    return False
