"""`manage run`: the service, with all that it needs. Imports as said in `manage.cli`."""

import signal
import sys
from types import FrameType
from typing import Annotated

import typer

GRACE_SECONDS = 30


def run(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="On which port.")] = 8000,
    reload: Annotated[bool, typer.Option(help="Restart when code changes; local only.")] = True,
    workers: Annotated[int, typer.Option(min=1, help="Processes; several do not reload.")] = 1,
) -> None:
    """Serve the API; locally on a PostgreSQL that is started, migrated and seeded first."""
    import uvicorn

    from app.core.paths import PROJECT_ROOT
    from app.settings import get_settings

    is_local = get_settings().is_local
    reloads = reload and is_local and workers == 1
    if is_local:
        prepare()
        # Uvicorn passes SIGTERM on after its own end; leave in order, which stops PostgreSQL too.
        signal.signal(signal.SIGTERM, leave)
    uvicorn.run(
        "app.main:app",
        host=host,
        port=port,
        reload=reloads,
        reload_dirs=[str(PROJECT_ROOT / "app")] if reloads else None,
        workers=workers,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def prepare() -> None:
    """Have a local database that is migrated and has an admin."""
    from manage.database import database_url, pending_migrations
    from manage.migrations import apply_migrations
    from manage.seeding import seed_database

    url = database_url()
    if pending_migrations(url):
        apply_migrations(url, report=True)
    seed_database()


def leave(number: int, _frame: FrameType | None) -> None:
    """Exit as a signal asks, but through the interpreter's own end."""
    sys.exit(128 + number)
