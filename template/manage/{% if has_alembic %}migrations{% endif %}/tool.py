"""Migrations by Alembic, for `manage migrate` and for the tests."""

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

from manage.errors import CommandError, reason

FAILURES: tuple[type[Exception], ...] = (AlembicError, *DATABASE_ERRORS)


def apply_migrations(url: URL, *, report: bool = False) -> None:
    """Apply what is pending: all of it or, if one migration fails, nothing."""
    try:
        command.upgrade(make_config(url, report=report), "heads")
    except FAILURES as error:
        raise CommandError(f"A migration failed, so none is applied: {reason(error)}") from error


def roll_back_migrations(
    url: URL, *, line: str = "app", steps: int = 1, report: bool = False
) -> None:
    """Undo the last migrations of a line: all these steps or, if one fails, nothing."""
    try:
        command.downgrade(make_config(url, report=report), f"{line}@-{steps}")
    except FAILURES as error:
        raise CommandError(f"Nothing is rolled back: {reason(error)}") from error


def create_migration(url: URL, message: str, *, empty: bool = False) -> Path | None:
    """Write the migration from the database to the models; None if they agree."""
    try:
        with redirect_stdout(StringIO()):  # The hooks that format the file report at length.
            created = command.revision(
                make_config(url),
                message,
                autogenerate=not empty,
                process_revision_directives=None if empty else drop_empty,
            )
    except FAILURES as error:
        raise CommandError(f"No migration is written: {reason(error)}") from error
    return Path(created.path) if isinstance(created, Script) else None


def drop_empty(
    _context: MigrationContext, _revision: Any, directives: list[MigrationScript]
) -> None:
    """Write no migration that would do nothing."""
    operations = directives[0].upgrade_ops
    if operations is not None and operations.is_empty():
        directives.clear()


def make_config(url: URL, *, report: bool = False) -> Config:
    """Alembic's configuration for one database."""
    config = Config(PROJECT_ROOT / "alembic.ini")
    config.attributes.update(url=url, report=report)
    return config
