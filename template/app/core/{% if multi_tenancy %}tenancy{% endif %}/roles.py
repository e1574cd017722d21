"""The database roles that `migrations/roles.sql` creates."""

from app.core.paths import PROJECT_ROOT

OWNER = "app_owner"
SERVING = "app_user"


def make_roles_script() -> str:
    """Return the SQL that creates the roles; an administrator can run it on any database."""
    return (PROJECT_ROOT / "migrations" / "roles.sql").read_text(encoding="utf-8")
