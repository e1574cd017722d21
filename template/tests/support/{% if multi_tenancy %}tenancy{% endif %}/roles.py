"""The service's database roles on the test server."""

from sqlalchemy import URL

from app.core.tenancy.roles import OWNER_ROLE, SERVICE_ROLE, read_roles_script
from tests.support.server import get_server_url, run_sql


def create_roles(url: URL) -> None:
    """Create the owner and service roles, with their privileges in a database."""
    run_sql(read_roles_script(), url=url)
    for role in (OWNER_ROLE, SERVICE_ROLE):
        set_password(role)


def set_password(role: str) -> None:
    """Give a role the superuser's password, if the server uses passwords."""
    if password := get_server_url().password:
        quoted = password.replace("'", "''")
        run_sql(f"ALTER ROLE {role} PASSWORD '{quoted}'")


def as_owner(url: URL) -> URL:
    """Return the URL with the role that runs migrations."""
    return url.set(username=OWNER_ROLE)


def as_service(url: URL) -> URL:
    """Return the URL with the role that serves requests."""
    return url.set(username=SERVICE_ROLE)
