"""Migrations with Alembic; implements `manage.migration_tool.MigrationTool`."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from alembic.util import CommandError as AlembicError
from sqlalchemy import URL

from app.core.paths import PROJECT_ROOT
from app.core.sql.errors import DATABASE_ERRORS

from manage.connection import run_on_connection
from manage.database import read_applied_migrations
from manage.errors import CommandError, summarize_error
from manage.migrations.history import find_rollback_target

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
    """Roll back the latest migrations of a history, each in its own transaction."""
    for _ in range(steps):
        target = find_rollback_target(run_on_connection(url, read_applied_migrations), history)
        try:
            command.downgrade(build_config(url, report=report), target)
        except MIGRATION_ERRORS as error:
            raise CommandError(f"The rollback failed: {summarize_error(error)}") from error


def create_migration(url: URL, message: str, *, empty: bool = False) -> Path | None:
    """Write a migration with the models' changes; return None if there are none."""
    try:
        with redirect_stdout(StringIO()):  # The formatting hooks print several lines.
            created = command.revision(
                build_config(url),
                message,
                autogenerate=not empty,
                process_revision_directives=None if empty else discard_empty_revision,
            )
    except MIGRATION_ERRORS as error:
        raise CommandError(f"No migration was written: {summarize_error(error)}") from error
    return Path(created.path) if isinstance(created, Script) else None


def discard_empty_revision(
    _context: MigrationContext, _revision: Any, directives: list[MigrationScript]
) -> None:
    """Discard a new revision that has no operations."""
    operations = directives[0].upgrade_ops
    if operations is not None and operations.is_empty():
        directives.clear()


def build_config(url: URL, *, report: bool = False) -> Config:
    """Build Alembic's configuration for a database."""
    config = Config(PROJECT_ROOT / "alembic.ini")
    config.attributes.update(url=url, report=report)
    return config
