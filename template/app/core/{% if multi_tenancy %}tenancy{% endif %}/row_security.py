"""The SQL statements of row-level security."""

from app.core.tenancy.roles import SERVICE_ROLE
from app.core.tenancy.scope import TENANT_SETTING

POLICIES = ("tenant_isolation", "owner_maintenance")


def build_tenant_condition(key: str = "tenant_id") -> str:
    """Return the condition that a row belongs to the current tenant."""
    return f"{key} = (SELECT {TENANT_SETTING})"


def build_protection(table: str) -> list[str]:
    """Return the statements that protect a table and grant the service access to it."""
    return [*build_forced_security(table), *build_policies(table), build_grant(table)]


def build_forced_security(table: str) -> list[str]:
    """Return the statements that apply policies to all roles, including the owner."""
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
    ]


def build_policies(table: str) -> list[str]:
    """Return the policies: a tenant sees its own rows; the owner sees all rows, for migrations."""
    rows = build_tenant_condition()
    return [
        f"CREATE POLICY tenant_isolation ON {table} USING ({rows}) WITH CHECK ({rows})",
        f"CREATE POLICY owner_maintenance ON {table} TO CURRENT_USER"
        " USING (true) WITH CHECK (true)",
    ]


def build_sequence_grant(sequence: str) -> str:
    """Return the statement that lets the service take values from a sequence."""
    return f"GRANT USAGE ON SEQUENCE {sequence} TO {SERVICE_ROLE}"


def build_grant(table: str) -> str:
    """Return the statement that grants the service access to a table."""
    return f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SERVICE_ROLE}"
