"""How autogenerate compares a column's default in the database with the model's."""

from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import TextClause, text


def default_differs(
    context: MigrationContext,
    _stored_column: Any,
    _model_column: Any,
    stored: str | None,
    model_default: Any,
    wanted: str | None,
) -> bool | None:
    """Say that two defaults are equal if both give NULL; leave all others to Alembic.

    It asks the database for `stored = wanted`, and NULL equals nothing.
    """
    is_sql = isinstance(getattr(model_default, "arg", None), TextClause)
    if not is_sql or stored is None or context.connection is None:
        return None
    question = text(f"SELECT num_nonnulls({stored}, {wanted}) = 0")
    return False if context.connection.scalar(question) else None
