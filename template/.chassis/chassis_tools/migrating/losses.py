"""The data that a migration would drop or convert."""

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.operations.ops import AlterColumnOp, DropColumnOp, DropTableOp, MigrateOperation
from sqlalchemy import CHAR, REAL, BigInteger, Enum, Float, Integer, Numeric, SmallInteger, String
from sqlalchemy.types import TypeEngine

# The decimal digits that each value of a type keeps.
DIGITS = ((SmallInteger, 5), (BigInteger, 19), (Integer, 10), (REAL, 6), (Float, 15))
REAL_BITS = 24  # PostgreSQL's float(24) is real.


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
        return is_longer(existing, new)
    if isinstance(existing, Numeric):
        return isinstance(new, Numeric) and is_more_precise(existing, new)
    digits = get_digits(existing)
    if digits is None:
        return False
    if isinstance(new, Numeric) and isinstance(existing, Integer):
        return new.precision is None or new.precision - (new.scale or 0) >= digits
    is_rounded = isinstance(existing, Float) and not isinstance(new, Float)
    return not is_rounded and digits <= (get_digits(new) or 0)


def is_longer(existing: String, new: String) -> bool:
    """Return True if every text fits the new type; a CHAR loses trailing blanks."""
    if isinstance(new, Enum) or (isinstance(new, CHAR) and not isinstance(existing, CHAR)):
        return False
    return new.length is None or (existing.length is not None and existing.length <= new.length)


def is_more_precise(existing: Numeric[Any], new: Numeric[Any]) -> bool:
    """Return True if the new type has as many digits before and after the decimal point."""
    if existing.precision is None or new.precision is None:
        return new.precision is None
    scale, new_scale = existing.scale or 0, new.scale or 0
    return scale <= new_scale and existing.precision - scale <= new.precision - new_scale


def get_digits(type_: TypeEngine[object] | None) -> int | None:
    """Return the decimal digits that each value of an integer or float keeps."""
    if isinstance(type_, Float) and type_.precision and type_.precision <= REAL_BITS:
        return 6
    return next((digits for class_, digits in DIGITS if isinstance(type_, class_)), None)
