"""The migration of a new resource, applied where a server already runs the new code."""

from app.core.paths import PROJECT_ROOT
from manage.errors import CommandError
from manage.scaffolding.changes import ChangeSet


def apply_where_served(changes: ChangeSet) -> bool:
    """Apply what was written to the local database if that runs and lacks nothing else."""
    written = [change.path for change in changes.changes if change.path.parts[0] == "migrations"]
    if not written or not (PROJECT_ROOT / ".postgres").exists():
        return False
    from app.core.postgres import local_server
    from app.core.revisions import read_revision, revisions
    from app.settings import get_settings
    from manage.database import database_url, pending_migrations
    from manage.migrations import apply_migrations

    if not (get_settings().has_local_server and local_server().is_running):
        return False
    revisions.cache_clear()  # They were read before this one was written.
    url = database_url()
    if pending_migrations(url) != [read_revision(PROJECT_ROOT / path).name for path in written]:
        return False
    try:
        apply_migrations(url)
    except CommandError as error:
        raise CommandError(f"The files are written, but not their table: {error}") from error
    return True
