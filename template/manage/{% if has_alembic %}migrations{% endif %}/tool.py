"""Applies and rolls back migrations with Alembic; failures raise CommandError."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError as AlembicError
from sqlalchemy import URL

from app.core.paths import HAS_PACKAGED_MIGRATIONS, MIGRATIONS, PROJECT_ROOT
from app.core.sql.errors import DATABASE_ERRORS, get_sqlstate

from manage.database import find_applied_migrations
from manage.errors import CommandError, summarize_error
from manage.migration_lock import LOCK_ADVICE, LOCK_NOT_AVAILABLE
from manage.migrations.history import HISTORIES, find_rollback_target

MIGRATION_ERRORS: tuple[type[Exception], ...] = (AlembicError, *DATABASE_ERRORS)


def apply_migrations(url: URL, *, report: bool = False) -> None:
    """Apply all pending migrations, in one transaction unless one of them commits."""
    try:
        command.upgrade(build_config(url, report=report), "heads")
    except MIGRATION_ERRORS as error:
        raise CommandError(f"A migration failed: {explain(error)}") from error


def roll_back_migrations(
    url: URL, *, history: str = "app", steps: int = 1, report: bool = False
) -> None:
    """Roll back the latest migrations of a history, each in its own transaction."""
    for _ in range(steps):
        target = find_rollback_target(find_applied_migrations(url), history)
        try:
            command.downgrade(build_config(url, report=report), target)
        except MIGRATION_ERRORS as error:
            raise CommandError(f"The rollback failed: {explain(error)}") from error


def explain(error: Exception) -> str:
    """Return the reason for a failure, with advice if a lock was not available."""
    return LOCK_ADVICE if get_sqlstate(error) == LOCK_NOT_AVAILABLE else summarize_error(error)


def build_config(url: URL, *, report: bool = False) -> Config:
    """Build Alembic's configuration for a database."""
    config = Config(PROJECT_ROOT / "alembic.ini")  # A wheel has none.
    if HAS_PACKAGED_MIGRATIONS:
        folder = str(MIGRATIONS).replace("%", "%%")
        config.set_main_option("script_location", folder)
        config.set_main_option("path_separator", "newline")
        locations = [f"{folder}/{history}" for history in HISTORIES]
        config.set_main_option("version_locations", "\n".join(locations))
    config.attributes.update(url=url, report=report)
    return config
