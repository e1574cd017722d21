"""The database of a local environment without DATABASE_URL, registered by `app`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL

_start: Callable[[str], URL] | None = None


def register_local_database(start: Callable[[str], URL]) -> None:
    """Register the function that starts the local database and returns its URL for a driver."""
    global _start
    _start = start


def start_local_database(drivername: str) -> URL:
    """Start the registered database if it is not running, and return its URL for a driver.

    Raises RuntimeError if none is registered.
    """
    if _start is None:
        raise RuntimeError("DATABASE_URL is not set, and no local database is registered")
    return _start(drivername)
