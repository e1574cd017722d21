"""The difference between models and database; imports Alembic, a development dependency."""

from alembic.operations.ops import MigrateOperation
from sqlalchemy import Connection

from chassis_tools.migrating.difference import compare_models


def find_differing_tables(connection: Connection) -> list[str]:
    """List the tables that a new migration would change, or the objects if it changes no table."""
    operations = compare_models(connection).upgrade
    if not operations:
        return []
    tables = sorted({*filter(None, map(get_table, operations))})
    return tables or ["types, policies or grants"]


def get_table(operation: MigrateOperation) -> str | None:
    """Return the table that an operation changes; None if it runs SQL."""
    table: str | None = getattr(operation, "table_name", None)
    return table or getattr(operation, "source_table", None)
