"""A local PostgreSQL for development and tests, run from the programs of a wheel."""

from manage.postgres.errors import LocalPostgresError
from manage.postgres.server import DATABASE, LocalServer, get_local_server

__all__ = ["DATABASE", "LocalPostgresError", "LocalServer", "get_local_server"]
