"""A local PostgreSQL for development and tests, from the wheel's programs."""

from manage.postgres.errors import LocalPostgresError
from manage.postgres.server import DATABASE, LocalServer, local_server

__all__ = ["DATABASE", "LocalPostgresError", "LocalServer", "local_server"]
