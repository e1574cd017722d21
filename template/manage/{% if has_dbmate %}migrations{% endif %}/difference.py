"""The difference between the database and the models as SQL, from Alembic's autogenerate."""

from io import StringIO

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations
from alembic.operations.ops import OpContainer
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from app.core.models import Base
from app.core.sql.operations import flatten_operations

import app.builtin.models
import app.models  # noqa: F401 (both register models)
from manage.autogenerate import AUTOGENERATE_OPTIONS


def generate_statements(connection: Connection) -> tuple[str, str]:
    """Return the SQL that makes the database match the models, and its inverse."""
    context = MigrationContext.configure(connection, opts=AUTOGENERATE_OPTIONS)
    script = produce_migrations(context, Base.metadata)
    return render_sql(script.upgrade_ops), render_sql(script.downgrade_ops)


def render_sql(operations: OpContainer | None) -> str:
    """Render operations as SQL statements."""
    output = StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # Other styles double each percent sign.
        opts={"as_sql": True, "output_buffer": output, "target_metadata": Base.metadata},
    )
    renderer = Operations(context)
    if operations is not None:
        for operation in flatten_operations(operations):
            renderer.invoke(operation)
    return "\n".join(line.rstrip() for line in output.getvalue().strip().splitlines())
