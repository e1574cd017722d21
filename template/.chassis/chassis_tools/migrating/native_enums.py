"""The PostgreSQL types of enumerations, which autogenerate neither creates nor compares."""

from collections.abc import Iterable, Iterator
from typing import Any

from alembic.operations.ops import (
    AddColumnOp,
    AlterColumnOp,
    CreateTableOp,
    ExecuteSQLOp,
    MigrateOperation,
)
from sqlalchemy import (
    ARRAY,
    Column,
    Connection,
    Enum,
    MetaData,
    Text,
    any_,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from app.core.models import Base

from chassis_tools.adoption.baseline import escape_colons

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
LABELS = text("""
SELECT enumlabel::text FROM pg_enum WHERE enumtypid = to_regtype(:name) ORDER BY enumsortorder
""")


class AddLabelOp(ExecuteSQLOp):
    """Adds a label, which no other statement can use before the transaction ends."""


def separate_labels(
    operations: Iterable[MigrateOperation],
) -> tuple[list[MigrateOperation], list[MigrateOperation]]:
    """Return the operations that add labels, and the others."""
    labels: list[MigrateOperation] = []
    others: list[MigrateOperation] = []
    for operation in operations:
        (labels if isinstance(operation, AddLabelOp) else others).append(operation)
    return labels, others


def add_native_enums(
    connection: Connection, upgrade: list[MigrateOperation], downgrade: list[MigrateOperation]
) -> None:
    """Add the statements that create, extend and drop the types of enumerations."""
    for operation in (*upgrade, *downgrade):
        if isinstance(operation, CreateTableOp):
            operation.columns = [keep_type(item) for item in operation.columns]
    needed = {name for name, _ in find_enums(upgrade)}
    models = {
        name: type_
        for table in Base.metadata.sorted_tables
        for column in table.c
        for name, type_ in list_enum(column)
    }
    for name, type_ in models.items():
        labels = list(connection.scalars(LABELS, {"name": name}))
        if labels:
            missing = [label for label in type_.enums if label not in labels]
            upgrade[:0] = [
                AddLabelOp(
                    escape_colons(f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS {quote(label)}")
                )
                for label in missing
            ]
        elif getattr(type_, "create_type", True) and name in needed:
            values = ", ".join(map(quote, type_.enums))
            upgrade.insert(0, run(f"CREATE TYPE {name} AS ENUM ({values})"))
            downgrade.append(run(f"DROP TYPE {name}"))


def describe_removed_labels(connection: Connection) -> Iterator[str]:
    """Yield a line for each label that rows hold, but the model's enumeration lacks.

    PostgreSQL cannot remove a label from a type.
    """
    columns = [column for table in Base.metadata.sorted_tables for column in table.c]
    for column in columns:
        for name, type_ in list_enum(column):
            labels = set(connection.scalars(LABELS, {"name": name})) - set(type_.enums)
            for label in sorted(labels):
                if count := count_rows(connection, column, label):
                    rows = "1 row" if count == 1 else f"{count} rows"
                    missing = f"{quote(label)} of {column.table}.{column.name}"
                    yield f"the model lacks {missing}, in {rows}"


def count_rows(connection: Connection, column: Column[Any], label: str) -> int:
    """Count the rows with a label; return 0 if the database lacks the column."""
    if isinstance(column.type, ARRAY):
        condition = literal(label) == any_(cast(column, ARRAY(Text)))
    else:
        condition = cast(column, Text) == label
    query = select(func.count()).select_from(column.table).where(condition)
    try:
        with connection.begin_nested():
            return connection.scalar(query) or 0
    except DBAPIError:
        return 0


def keep_type(item: SchemaItem) -> SchemaItem:
    """Return a column of a new table whose enumeration's type is not created with the table.

    The type may exist, or several tables may use it.
    """
    if isinstance(item, Column) and item.table is not None:
        for _, type_ in list_enum(item):
            copy = item.table.to_metadata(MetaData()).c[item.name]
            existing: TypeEngine[Any] = postgresql.ENUM(
                *type_.enums, name=type_.name, schema=type_.schema, create_type=False
            )
            if isinstance(item.type, ARRAY):
                existing = postgresql.ARRAY(existing, dimensions=item.type.dimensions)
            copy.type = existing
            return copy
    return item


def find_enums(operations: Iterable[MigrateOperation]) -> Iterator[tuple[str, Enum]]:
    """Yield the native enumerations of new tables and of new and converted columns."""
    for operation in operations:
        if isinstance(operation, CreateTableOp):
            for item in operation.columns:
                if isinstance(item, Column):
                    yield from list_enum(item)
        elif isinstance(operation, AddColumnOp):
            yield from list_enum(operation.column)
        elif isinstance(operation, AlterColumnOp) and operation.modify_type:
            yield from list_enum(Column(operation.column_name, operation.modify_type))


def list_enum(column: Column[object]) -> list[tuple[str, Enum]]:
    """Return the quoted name and the type of a column's native enumeration, also in an array."""
    type_ = column.type.item_type if isinstance(column.type, ARRAY) else column.type
    if not isinstance(type_, Enum) or not type_.native_enum or not type_.name:
        return []
    preparer = DIALECT.identifier_preparer
    name = preparer.quote(type_.name)
    return [(f"{preparer.quote_schema(type_.schema)}.{name}" if type_.schema else name, type_)]


def quote(label: str) -> str:
    """Return a label as a SQL string."""
    return "'" + label.replace("'", "''") + "'"


def run(statement: str) -> ExecuteSQLOp:
    """Return the operation that runs a statement."""
    return ExecuteSQLOp(escape_colons(statement))
