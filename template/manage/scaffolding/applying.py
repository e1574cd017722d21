"""The migration of a new resource, applied where a server already serves the code."""

from pathlib import Path

from app.core.paths import PROJECT_ROOT


def apply_where_served(path: Path) -> bool:
    """Apply a migration to the local database if that runs and lacks no other."""
    if not (PROJECT_ROOT / ".postgres").exists():
        return False
    from app.core.postgres import local_server
    from app.core.revisions import read_revision
    from app.settings import get_settings
    from manage.database import database_url, pending_migrations
    from manage.migrations import apply_migrations

    if not (get_settings().has_local_server and local_server().is_running):
        return False
    url = database_url()
    if pending_migrations(url) != [read_revision(PROJECT_ROOT / path).name]:
        return False
    apply_migrations(url, report=False)
    return True
