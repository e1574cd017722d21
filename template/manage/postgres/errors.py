"""Errors of the local PostgreSQL."""

from manage.errors import CommandError


class LocalPostgresError(CommandError):
    """The local PostgreSQL cannot run; the message says why and what to do."""


def build_root_error(reason: str) -> LocalPostgresError:
    """Build the error for root if the server cannot run as another account either."""
    return LocalPostgresError(
        f"PostgreSQL refuses to run as root and cannot run as another account ({reason}): run as"
        " an ordinary user, move the project, or set DATABASE_URL to a running server"
    )
