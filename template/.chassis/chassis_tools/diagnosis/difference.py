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
    """List the tables that a new migration would change, or what it would change instead."""
    context = MigrationContext.configure(connection, opts=AUTOGENERATE_OPTIONS)
    operations = produce_migrations(context, Base.metadata).upgrade_ops
    if not operations or not operations.ops:
        return []
    tables = sorted({*filter(None, map(get_table, operations.ops))})
    return tables or ["policies or grants"]


def get_table(operation: MigrateOperation) -> str | None:
    """Return the table that an operation changes; None if it runs SQL."""
    table: str | None = getattr(operation, "table_name", None)
    return table or getattr(operation, "source_table", None)
