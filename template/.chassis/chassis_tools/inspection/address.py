"""The URL of a database to inspect. No error here repeats a part of it that could be a password."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.core.config import set_driver

from manage.errors import CommandError

SCHEME = re.compile(r"postgres(ql)?(\+\w+)?")
HOST = re.compile(r"[\w.:-]{1,253}|/[^\0]*")
FORM = "postgresql://user:password@host:5432/database"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
PARTS = {"user", "password", "dbname", "host", "port", "sslmode"}
SPELLINGS = {"ssl": "sslmode", "database": "dbname"}
# They change nothing in what is read.
WITHOUT_EFFECT = {
    "application_name",
    "channel_binding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "target_session_attrs",
}


def database_url(text: str) -> URL:
    """The database that a URL names, spelled for this project's driver."""
    url = parse(text)
    parts = {**named(url), **extra(url.query)}
    host = unquote(parts.pop("host", ""))
    if not HOST.fullmatch(host or "localhost"):
        raise CommandError(
            "The URL names no host that could be one: percent-encode @, :, / and ? in the password"
        )
    if parts.get("sslmode", "prefer") not in SSL_MODES:
        raise CommandError(f"The URL's sslmode is none of {', '.join(SSL_MODES)}")
    return build(parts, host, port_of(parts.pop("port", "")))


def parse(text: str) -> URL:
    """Split the URL; SQLAlchemy's own errors quote it."""
    scheme, found, _ = text.strip().partition("://")
    if not found or not SCHEME.fullmatch(scheme):
        raise CommandError(f"The URL is not one of a PostgreSQL, such as {FORM}")
    if not text.strip().isprintable() or not unquote(text.strip()).isprintable():
        raise CommandError("The URL holds a character that cannot be printed")
    try:
        return make_url(text.strip())
    except (ArgumentError, ValueError):
        raise CommandError(
            f"The URL cannot be read: write it as {FORM}, with @, :, / and ? percent-encoded"
        ) from None


def named(url: URL) -> dict[str, str]:
    """What stands before the query, by the names of libpq."""
    parts = {
        "user": url.username,
        "password": url.password,
        "host": url.host,
        "port": url.port,
        "dbname": url.database,
    }
    return {name: str(value) for name, value in parts.items() if value is not None}


def extra(query: Mapping[str, str | tuple[str, ...]]) -> dict[str, str]:
    """What the query says; a parameter that is not known could itself be a piece of a password."""
    parts = {SPELLINGS.get(name, name): value for name, value in query.items()}
    for name in WITHOUT_EFFECT & parts.keys():
        del parts[name]
    if parts.keys() - PARTS or len(parts) < len(query.keys() - WITHOUT_EFFECT):
        raise CommandError(
            f"The URL's query may hold {', '.join(sorted(PARTS))}:"
            " give others by the variables of libpq, such as PGSSLROOTCERT, and --schema apart"
        )
    if not all(isinstance(value, str) for value in parts.values()):
        raise CommandError("The URL's query names a parameter twice")
    return {name: str(value) for name, value in parts.items()}


def port_of(text: str) -> int | None:
    """The port's number."""
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise CommandError("The URL's port is no number from 1 to 65535")
    return int(text)


def build(parts: Mapping[str, str], host: str, port: int | None) -> URL:
    """Put the URL together; the folder of a socket goes into the query."""
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
    return set_driver(url.render_as_string(hide_password=False))
