"""Why there is no local PostgreSQL, in words for the developer."""


class LocalPostgresError(RuntimeError):
    """Says in one sentence what is wrong and what to do about it."""


def root_refused(reason: str) -> LocalPostgresError:
    """What to do where root cannot run the server as another user."""
    return LocalPostgresError(
        f"PostgreSQL does not run as root, and here not as another user either ({reason}): work as"
        " an ordinary user, move the project, or set DATABASE_URL to a running server"
    )
