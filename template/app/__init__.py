"""The service; without DATABASE_URL, it uses the local server that `manage` starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.core.local_database import register_local_database

if TYPE_CHECKING:
    from sqlalchemy import URL


def start_project_database(drivername: str) -> URL:
    """Start the project's PostgreSQL server and return the URL of its database."""
    from manage.local_database import start  # Imported here: a deployed service does not need it.

    return start(drivername)


register_local_database(start_project_database)
