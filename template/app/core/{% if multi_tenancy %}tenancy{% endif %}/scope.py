"""The tenant of transactions and reads, kept in a setting that row-level security policies read.

Without a tenant, queries return no tenant's rows.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    ForeignKey,
    Select,
    Text,
    bindparam,
    event,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column

from app.core.sql.recovery import IS_SETUP

TENANT_SETTING = "nullif(current_setting('app.tenant_id', true), '')::uuid"
SESSION_TENANT = "session_tenant_id"
SET_TENANT = text(f"select set_config('app.tenant_id', :{SESSION_TENANT}, true)").execution_options(
    **{IS_SETUP: True}
)


class TenantMixin:
    """Adds the tenant; the column's default is the tenant of the transaction."""

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id", ondelete="CASCADE"), server_default=text(TENANT_SETTING)
    )


class TenantSession(Session):
    """A session in the tenant of `info["tenant_id"]`, or without a tenant if it is None."""


@event.listens_for(TenantSession, "after_begin")
def set_tenant(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    """Set the transaction's tenant, or clear the setting if the session has no tenant."""
    connection.execute(SET_TENANT, build_tenant_parameters(session.info["tenant_id"]))


def build_tenant_parameters(tenant_id: UUID | None) -> dict[str, str]:
    """Build the parameters of SET_TENANT and of statements from `scope_to_tenant`."""
    return {SESSION_TENANT: str(tenant_id) if tenant_id else ""}


def scope_to_tenant(statement: Select[Any]) -> Select[Any]:
    """Return the statement extended to set its tenant itself, so that it needs no transaction.

    PostgreSQL must evaluate `tenant` before the policies, which would otherwise hide all rows.
    OFFSET 0 ensures this: it keeps the planner from merging the subquery.
    """
    setting = func.set_config(
        literal_column("'app.tenant_id'"), bindparam(SESSION_TENANT, type_=Text()), true()
    )
    tenant = setting.table_valued("id").render_derived(name="tenant")
    rows = statement.subquery()
    visible = select(rows).where(tenant.c.id.is_not(None)).offset(literal_column("0")).lateral()
    return select(visible).select_from(tenant.join(visible, true()))
