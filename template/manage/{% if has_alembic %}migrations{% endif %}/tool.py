"""Migrations with Alembic; implements `manage.migration_tool.MigrationTool`."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError as AlembicError
from sqlalchemy import URL

from app.core.paths import PROJECT_ROOT
from app.core.sql.errors import DATABASE_ERRORS

from manage.errors import CommandError, summarize_error

MIGRATION_ERRORS: tuple[type[Exception], ...] = (AlembicError, *DATABASE_ERRORS)


def apply_migrations(url: URL, *, report: bool = False) -> None:
    """Apply all pending migrations in one transaction; `report` prints each one."""
    try:
        command.upgrade(build_config(url, report=report), "heads")
    except MIGRATION_ERRORS as error:
        raise CommandError(
            f"A migration failed, so none was applied: {summarize_error(error)}"
        ) from error


def roll_back_migrations(
    url: URL, *, history: str = "app", steps: int = 1, report: bool = False
) -> None:
    """Roll back the latest migrations of a history in one transaction."""
    try:
        command.downgrade(build_config(url, report=report), f"{history}@-{steps}")
    except MIGRATION_ERRORS as error:
        raise CommandError(f"No migration was rolled back: {summarize_error(error)}") from error


def build_config(url: URL, *, report: bool = False) -> Config:
    """Build Alembic's configuration for a database."""
    config = Config(PROJECT_ROOT / "alembic.ini")
    config.attributes.update(url=url, report=report)
    return config
