"""Execution of reads within a tenant."""

from uuid import UUID

from sqlalchemy import Executable

from app.core.sql.compiled import CompiledSelect, Row
from app.core.sql.reads import Parameters, Reader, ReadPool, begin_read_only, execute_in_session
from app.core.tenancy.scope import SET_TENANT, build_tenant_parameters, scope_to_tenant


class TenantReader(Reader):
    """Runs statements within one tenant; with None, row-level security hides every row.

    A compiled SELECT sets its tenant itself, in one round trip. Any other statement runs in a
    transaction that sets the tenant first.
    """

    def __init__(self, pool: ReadPool, tenant_id: UUID | None) -> None:
        super().__init__(pool, rewrite=scope_to_tenant)
        self._tenant = build_tenant_parameters(tenant_id)

    def fetch(self, statement: Executable | CompiledSelect, parameters: Parameters) -> list[Row]:
        """Run one statement and return its rows."""
        return super().fetch(statement, {**parameters, **self._tenant})

    def _execute(self, statement: Executable, parameters: Parameters) -> list[Row]:
        with self._pool.connect() as connection, begin_read_only(connection):
            connection.execute(SET_TENANT, self._tenant)
            return execute_in_session(connection, statement, parameters)
