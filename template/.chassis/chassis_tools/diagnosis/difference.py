"""The difference between models and database; imports Alembic, a development dependency."""

from alembic.autogenerate import produce_migrations
from alembic.operations.ops import MigrateOperation
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from app.core.models import Base

import app.builtin.models
import app.models  # noqa: F401 (both register models)
from manage.autogenerate import AUTOGENERATE_OPTIONS


def find_differing_tables(connection: Connection) -> list[str]:
    """List the tables that a new migration would change."""
    context = MigrationContext.configure(connection, opts=AUTOGENERATE_OPTIONS)
    operations = produce_migrations(context, Base.metadata).upgrade_ops
    return sorted({get_table(operation) for operation in operations.ops}) if operations else []


def get_table(operation: MigrateOperation) -> str:
    """Return the table that an operation changes; the operation's name if it has no table."""
    return str(getattr(operation, "table_name", type(operation).__name__))
