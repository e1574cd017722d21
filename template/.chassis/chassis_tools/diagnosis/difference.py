"""What a new migration would change: Alembic, which finds it, may be a tool of developers only."""

from alembic.autogenerate import produce_migrations
from alembic.operations.ops import MigrateOperation
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from app.core.models import Base

import app.builtin.models
import app.models  # noqa: F401 (both fill the metadata)
from manage.autogenerate import AUTOGENERATE_OPTIONS


def differing_tables(connection: Connection) -> list[str]:
    """The tables that are not as the models say, whichever tool runs the migrations."""
    context = MigrationContext.configure(connection, opts=AUTOGENERATE_OPTIONS)
    found = produce_migrations(context, Base.metadata).upgrade_ops
    return sorted({table_of(operation) for operation in found.ops}) if found else []


def table_of(operation: MigrateOperation) -> str:
    """The table that it changes, as far as it says so."""
    return str(getattr(operation, "table_name", type(operation).__name__))
