"""The SQL between the database and the models, found and written by Alembic's autogenerate."""

from io import StringIO

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations
from alembic.operations.ops import OpContainer
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from app.core.models import Base
from app.core.sql.operations import flatten_operations

import app.builtin.models
import app.models  # noqa: F401 (both fill the metadata)
from manage.comparison import COMPARISON


def find_difference(connection: Connection) -> tuple[str, str]:
    """The statements to the models, and those back."""
    context = MigrationContext.configure(connection, opts=COMPARISON)
    script = produce_migrations(context, Base.metadata)
    return write_sql(script.upgrade_ops), write_sql(script.downgrade_ops)


def write_sql(operations: OpContainer | None) -> str:
    """The operations as statements."""
    written = StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # Others double each percent sign.
        opts={"as_sql": True, "output_buffer": written, "target_metadata": Base.metadata},
    )
    writer = Operations(context)
    if operations is not None:
        for operation in flatten_operations(operations):
            writer.invoke(operation)
    return "\n".join(line.rstrip() for line in written.getvalue().strip().splitlines())
