"""The database roles that `migrations/roles.sql` creates."""

from app.core.paths import MIGRATIONS

OWNER_ROLE = "app_owner"
SERVICE_ROLE = "app_user"


def read_roles_script() -> str:
    """Return the SQL that creates the roles; an administrator can run it on any database."""
    return (MIGRATIONS / "roles.sql").read_text(encoding="utf-8")
