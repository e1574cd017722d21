"""The SQL of row-level security: what protects a tenant's table."""

from app.core.tenancy.roles import SERVING
from app.core.tenancy.scope import TENANT_SETTING

POLICIES = ("tenant_isolation", "owner_maintenance")


def own_rows(key: str = "tenant_id") -> str:
    """The condition that a row belongs to the transaction's tenant."""
    return f"{key} = (SELECT {TENANT_SETTING})"


def protect(table: str) -> list[str]:
    """The statements that protect a tenant's table and let the service use it."""
    return [*force(table), *make_policies(table), grant(table)]


def force(table: str) -> list[str]:
    """The statements that subject everybody to the policies, the owner too."""
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
    ]


def make_policies(table: str) -> list[str]:
    """The statements that show each tenant its own rows, and all of them to who migrates."""
    rows = own_rows()
    return [
        f"CREATE POLICY tenant_isolation ON {table} USING ({rows}) WITH CHECK ({rows})",
        f"CREATE POLICY owner_maintenance ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)",
    ]


def grant(table: str) -> str:
    """The statement that lets the service use a table."""
    return f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SERVING}"
