"""Sequences and domains of models, which autogenerate does not compare."""

from collections.abc import Iterator

from alembic.operations.ops import AddColumnOp, AlterColumnOp, CreateTableOp, MigrateOperation
from sqlalchemy import ARRAY, Column, Connection, DefaultClause, Sequence, inspect, text
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.schema import CreateSequence
from sqlalchemy.sql.functions import next_value
from sqlalchemy.types import TypeEngine

from app.core.models import Base

from chassis_tools.migrating.native_enums import DIALECT, run
from manage.errors import CommandError


def add_sequences(
    connection: Connection, upgrade: list[MigrateOperation], downgrade: list[MigrateOperation]
) -> None:
    """Create the sequences that columns of models use and the database lacks."""
    columns = [column for table in Base.metadata.sorted_tables for column in table.c]
    sequences = {
        (item.schema, item.name): item for column in columns for item in find_sequences(column)
    }
    for sequence in sequences.values():
        if not inspect(connection).has_sequence(sequence.name, schema=sequence.schema):
            name = DIALECT.identifier_preparer.format_sequence(sequence)
            create = CreateSequence(sequence).compile(dialect=DIALECT)
            upgrade.insert(0, run(str(create).strip()))
            downgrade.append(run(f"DROP SEQUENCE {name}"))


def find_sequences(column: Column[object]) -> Iterator[Sequence]:
    """Yield the sequences from which a column takes its default."""
    if isinstance(column.default, Sequence):
        yield column.default
    default = column.server_default
    if isinstance(default, DefaultClause) and isinstance(default.arg, next_value):
        yield default.arg.sequence


def require_domains(connection: Connection, operations: list[MigrateOperation]) -> None:
    """Raise CommandError if a new column's domain does not exist."""
    for type_ in find_types(operations):
        domain = type_.item_type if isinstance(type_, ARRAY) else type_
        if isinstance(domain, DOMAIN):
            name = str(domain.compile(dialect=DIALECT))
            if connection.scalar(text("SELECT to_regtype(:name)"), {"name": name}) is None:
                raise CommandError(
                    f"The domain {name} does not exist: write CREATE DOMAIN in a migration of"
                    " `manage migrate create --empty` and apply it first"
                )


def find_types(operations: list[MigrateOperation]) -> Iterator[TypeEngine[object]]:
    """Yield the types of new and converted columns."""
    for operation in operations:
        if isinstance(operation, CreateTableOp):
            for item in operation.columns:
                if isinstance(item, Column):
                    yield item.type
        elif isinstance(operation, AddColumnOp):
            yield operation.column.type
        elif isinstance(operation, AlterColumnOp) and operation.modify_type is not None:
            yield operation.modify_type
