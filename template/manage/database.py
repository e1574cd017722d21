"""What commands ask of the database before they work on it."""

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import ArgumentError

from app.core.postgres import LocalPostgresError
from app.core.revisions import APPLIED, pending, revisions
from app.settings import get_settings
from manage.connection import run_on_connection
from manage.errors import CommandError


def database_url() -> URL:
    """The configured database; a local one is running when this returns."""
    try:
        return get_settings().resolved_database_url()
    except LocalPostgresError as error:
        raise CommandError(str(error)) from error
    except ArgumentError as error:
        raise CommandError("DATABASE_URL is not the URL of a database") from error


def pending_migrations(url: URL) -> list[str]:
    """The migrations on disk that the database lacks."""
    return pending(run_on_connection(url, read_applied))


def unknown_migrations(url: URL) -> list[str]:
    """What the database has and the disk has not: of a newer release, or of another branch."""
    return sorted(run_on_connection(url, read_applied) - set(revisions()))


def applied_migrations(url: URL, line: str) -> list[str]:
    """The migrations of a line that the database has."""
    missing = set(pending_migrations(url))
    return [
        name
        for name, revision in revisions().items()
        if revision.line == line and name not in missing
    ]


def require_migrated(url: URL) -> None:
    """Refuse to go on with a database that lacks migrations."""
    if missing := pending_migrations(url):
        raise CommandError(
            f"The database lacks {', '.join(missing)}: run `manage migrate apply` first"
        )


def read_applied(connection: Connection) -> set[str]:
    """What the database says it has applied."""
    tables = set(inspect(connection).get_table_names())
    statements = [statement for table, statement in APPLIED.items() if table in tables]
    return {name for statement in statements for name in connection.scalars(text(statement))}
