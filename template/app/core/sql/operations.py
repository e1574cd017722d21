"""Operations of Alembic's autogenerate."""

from collections.abc import Iterator

from alembic.operations.ops import MigrateOperation, OpContainer


def flatten_operations(operation: MigrateOperation) -> Iterator[MigrateOperation]:
    """Yield the operations in a container and in its nested containers."""
    if isinstance(operation, OpContainer):
        for inner in operation.ops:
            yield from flatten_operations(inner)
    else:
        yield operation
