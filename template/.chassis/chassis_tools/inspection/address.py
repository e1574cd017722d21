"""The URL of the database to inspect; errors never repeat a part that could be a password."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.core import database_url
from app.core.database_url import SSL_MODES

from manage.errors import CommandError

SCHEME = re.compile(r"postgres(ql)?(\+\w+)?")
HOST = re.compile(r"[\w.:-]{1,253}|/[^\0]*")
EXAMPLE = "postgresql://user:password@host:5432/database"
PARAMETERS = {"user", "password", "dbname", "host", "port", "sslmode"}
ALIASES = {"ssl": "sslmode", "database": "dbname"}
# Parameters that do not affect the result.
IGNORED = {
    "application_name",
    "channel_binding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "target_session_attrs",
}


def parse_database_url(text: str) -> URL:
    """Parse a URL and set this project's driver."""
    url = parse_url(text)
    parts = {**get_parts(url), **parse_query(url.query)}
    host = unquote(parts.pop("host", ""))
    if not HOST.fullmatch(host or "localhost"):
        raise CommandError(
            "The URL's host is invalid: percent-encode @, :, / and ? in the password"
        )
    if parts.get("sslmode", "prefer") not in SSL_MODES:
        raise CommandError(f"The URL's sslmode is invalid: use one of {', '.join(SSL_MODES)}")
    return build_url(parts, host, parse_port(parts.pop("port", "")))


def parse_url(text: str) -> URL:
    """Parse a URL; hide SQLAlchemy's errors, which quote it."""
    scheme, separator, _ = text.strip().partition("://")
    if not separator or not SCHEME.fullmatch(scheme):
        raise CommandError(f"The URL is not a PostgreSQL URL: write it as {EXAMPLE}")
    if not text.strip().isprintable() or not unquote(text.strip()).isprintable():
        raise CommandError("The URL contains a character that is not printable: remove it")
    try:
        return make_url(text.strip())
    except (ArgumentError, ValueError):
        raise CommandError(
            f"The URL is invalid: write it as {EXAMPLE}, with @, :, / and ? percent-encoded"
        ) from None


def get_parts(url: URL) -> dict[str, str]:
    """Return the parts before the query, with libpq's parameter names."""
    parts = {
        "user": url.username,
        "password": url.password,
        "host": url.host,
        "port": url.port,
        "dbname": url.database,
    }
    return {name: str(value) for name, value in parts.items() if value is not None}


def parse_query(query: Mapping[str, str | tuple[str, ...]]) -> dict[str, str]:
    """Return the query's parameters; errors do not quote names that could be part of a password."""
    parts = {ALIASES.get(name, name): value for name, value in query.items()}
    for name in IGNORED & parts.keys():
        del parts[name]
    if parts.keys() - PARAMETERS or len(parts) < len(query.keys() - IGNORED):
        raise CommandError(
            f"The URL's query may contain only {', '.join(sorted(PARAMETERS))}: set all others"
            " with environment variables of libpq, such as PGSSLROOTCERT, and pass the schema as"
            " --schema"
        )
    if not all(isinstance(value, str) for value in parts.values()):
        raise CommandError("The URL's query contains a parameter twice: remove one")
    return {name: str(value) for name, value in parts.items()}


def parse_port(text: str) -> int | None:
    """Return the port's number, or None without a port."""
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise CommandError("The URL's port is invalid: use a number from 1 to 65535")
    return int(text)


def build_url(parts: Mapping[str, str], host: str, port: int | None) -> URL:
    """Build the URL; the folder of a Unix socket goes into the query."""
    query = {"sslmode": parts["sslmode"]} if "sslmode" in parts else {}
    if is_socket := host.startswith("/"):
        query |= {"host": host, "port": str(port or 5432)}
    url = URL.create(
        "postgresql",
        parts.get("user"),
        parts.get("password"),
        None if is_socket else host or None,
        None if is_socket else port,
        parts.get("dbname"),
        query,
    )
    return database_url.parse_database_url(url.render_as_string(hide_password=False))
