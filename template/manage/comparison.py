"""How autogenerate compares a column's default in the database with the model's."""

from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Select, TextClause, literal_column, select


def default_differs(
    context: MigrationContext,
    _stored_column: Any,
    _model_column: Any,
    stored: str | None,
    model_default: Any,
    _rendered: str | None,
) -> bool | None:
    """Ask the database whether two defaults give the same; None leaves the question to Alembic.

    Alembic takes two NULLs for different, and does not quote texts.
    """
    wanted = sql_of(getattr(model_default, "arg", None))
    if stored is None or wanted is None or context.connection is None:
        return None
    question: Select[Any] = select(literal_column(f"({stored}) IS DISTINCT FROM ({wanted})"))
    return bool(context.connection.scalar(question))


def sql_of(default: Any) -> str | None:
    """The SQL of a default that is given as a plain text or as SQL."""
    if isinstance(default, str):
        return "'" + default.replace("'", "''") + "'"
    return default.text if isinstance(default, TextClause) else None
