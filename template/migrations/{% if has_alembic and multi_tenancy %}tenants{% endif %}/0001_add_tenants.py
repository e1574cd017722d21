"""Add tenants with row-level security; existing rows move to the default tenant."""

import sqlalchemy as sa
from alembic import op

# A separate branch: tenancy can be turned on after later migrations of the core branch.
revision = "tenants_0001"
down_revision = None
branch_labels = ("tenants",)
depends_on = "core_0001"

# The unique column of each table, which becomes unique per tenant.
UNIQUE = {
    "users": "email",
    "sessions": "token_hash",
    "api_keys": "key_hash",
    "user_tokens": "token_hash",
}
USER_OWNED = [table for table in UNIQUE if table != "users"]
CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"

FIND_TENANT = """
CREATE FUNCTION find_tenant(slug text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
AS $$SELECT id FROM public.tenants WHERE tenants.slug = find_tenant.slug AND is_active$$
"""
LIST_TENANTS = """
CREATE FUNCTION list_tenants() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
AS $$SELECT id FROM public.tenants WHERE is_active ORDER BY id$$
"""


def upgrade() -> None:
    create_tenants()
    op.execute("SELECT set_config('app.tenant_id', id::text, true) FROM tenants")
    for table in USER_OWNED:
        op.drop_constraint(op.f(f"fk_{table}_user_id_users"), table)
        op.drop_index(op.f(f"ix_{table}_user_id"), table)
    for table, column in UNIQUE.items():
        add_tenant_id(table)
        op.drop_constraint(op.f(f"uq_{table}_{column}"), table)
        for name in ("id", column):
            unique = op.f(f"uq_{table}_tenant_id_{name}")
            op.create_unique_constraint(unique, table, ["tenant_id", name])
    for table in USER_OWNED:
        columns, keys = ["tenant_id", "user_id"], ["tenant_id", "id"]
        name = op.f(f"fk_{table}_tenant_id_user_id_users")
        op.create_foreign_key(name, table, "users", columns, keys, ondelete="CASCADE")
        op.create_index(op.f(f"ix_{table}_tenant_id_user_id"), table, columns)
    op.execute("SELECT set_config('app.tenant_id', '', true)")
    for table in UNIQUE:
        enable_row_security(table, "tenant_id")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO app_user")
    enable_row_security("tenants", "id")
    op.execute("GRANT SELECT, INSERT, UPDATE ON tenants TO app_user")
    op.execute("GRANT SELECT ON alembic_version TO app_user")
    create_lookup_functions()


def downgrade() -> None:
    """Remove tenants; fails if an email address occurs in two tenants."""
    op.execute("DROP FUNCTION list_tenants")
    op.execute("DROP FUNCTION find_tenant")
    for table in UNIQUE:
        op.execute(f"DROP POLICY owner_maintenance ON {table}")
        op.execute(f"DROP POLICY tenant_isolation ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for table in USER_OWNED:
        op.drop_index(op.f(f"ix_{table}_tenant_id_user_id"), table)
        op.drop_constraint(op.f(f"fk_{table}_tenant_id_user_id_users"), table)
    for table, column in UNIQUE.items():
        op.drop_column(table, "tenant_id")
        op.create_unique_constraint(op.f(f"uq_{table}_{column}"), table, [column])
    for table in USER_OWNED:
        name = op.f(f"fk_{table}_user_id_users")
        op.create_foreign_key(name, table, "users", ["user_id"], ["id"], ondelete="CASCADE")
        op.create_index(op.f(f"ix_{table}_user_id"), table, ["user_id"])
    op.drop_table("tenants")


def create_tenants() -> None:
    timestamp = sa.DateTime(timezone=True)
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", timestamp, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", timestamp, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenants_slug")),
    )
    op.execute(
        "INSERT INTO tenants (id, slug, name) VALUES (gen_random_uuid(), 'default', 'Default')"
    )


def add_tenant_id(table: str) -> None:
    """Add the column and its foreign key; the default fills existing rows."""
    default = sa.text(CURRENT_TENANT)
    column = sa.Column("tenant_id", sa.Uuid(), server_default=default, nullable=False)
    op.add_column(table, column)
    name = op.f(f"fk_{table}_tenant_id_tenants")
    op.create_foreign_key(name, table, "tenants", ["tenant_id"], ["id"], ondelete="CASCADE")


def enable_row_security(table: str, key: str) -> None:
    """Let each tenant see its own rows, and the role that migrates all rows."""
    own_rows = f"{key} = (SELECT {CURRENT_TENANT})"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant_isolation ON {table} USING ({own_rows}) WITH CHECK ({own_rows})"
    )
    op.execute(
        f"CREATE POLICY owner_maintenance ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)"
    )


def create_lookup_functions() -> None:
    """Create lookups that run before the tenant is set; each returns only tenant IDs."""
    for statement in (FIND_TENANT, LIST_TENANTS):
        op.execute(statement)
    op.execute("REVOKE EXECUTE ON FUNCTION find_tenant, list_tenants FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION find_tenant, list_tenants TO app_user")
