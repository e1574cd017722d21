"""Every transaction and every read names its tenant to the database, whose policies do the rest.

Who names no tenant sees no tenant's rows.
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

TENANT_SETTING = "nullif(current_setting('app.tenant_id', true), '')::uuid"
SESSION_TENANT = "session_tenant_id"
SET_TENANT = text(f"select set_config('app.tenant_id', :{SESSION_TENANT}, true)")


class TenantMixin:
    """A row that belongs to a tenant; the database fills the column from the transaction."""

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id", ondelete="CASCADE"), server_default=text(TENANT_SETTING)
    )


class TenantSession(Session):
    """A session whose `info["tenant_id"]` names the tenant that it works for, or None."""


@event.listens_for(TenantSession, "after_begin")
def set_tenant(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    """Tell the database whose transaction this is, always: an empty name clears an earlier one."""
    connection.execute(SET_TENANT, tenant_parameters(session.info["tenant_id"]))


def tenant_parameters(tenant_id: UUID | None) -> dict[str, str]:
    """What SET_TENANT and `with_tenant` take."""
    return {SESSION_TENANT: str(tenant_id) if tenant_id else ""}


def with_tenant(statement: Select[Any]) -> Select[Any]:
    """The statement, which now names its tenant itself, so that it needs no transaction around it.

    OFFSET keeps the planner from merging the levels: the rows are asked for once `tenant` is there,
    which is when the setting is made. Without it the policies show nothing.
    """
    setting = func.set_config(
        literal_column("'app.tenant_id'"), bindparam(SESSION_TENANT, type_=Text()), true()
    )
    tenant = setting.table_valued("named").render_derived(name="tenant")
    rows = statement.subquery()
    visible = select(rows).where(tenant.c.named.is_not(None)).offset(literal_column("0")).lateral()
    return select(visible).select_from(tenant.join(visible, true()))
