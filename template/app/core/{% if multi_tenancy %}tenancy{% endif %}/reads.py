"""How reads name their tenant: prepared ones and selects by themselves, others in a transaction."""

from contextlib import AbstractContextManager, nullcontext
from uuid import UUID

from sqlalchemy import Connection, Executable, Select

from app.core.sql.prepared import PreparedStatement, Row
from app.core.sql.reads import Parameters, Reader, ReadPool, to_dicts
from app.core.tenancy.scope import SET_TENANT, tenant_parameters, with_tenant


class TenantReader(Reader):
    """Runs statements that see one tenant's rows; those of None see no tenant's."""

    def __init__(self, pool: ReadPool, tenant_id: UUID | None) -> None:
        super().__init__(pool)
        self._tenant = tenant_parameters(tenant_id)

    def fetch(self, statement: Executable | PreparedStatement, parameters: Parameters) -> list[Row]:
        """Run one statement and return its rows."""
        return super().fetch(statement, {**parameters, **self._tenant})

    def _execute_once(self, statement: Executable, parameters: Parameters) -> list[Row]:
        if isinstance(statement, Select):
            return super()._execute_once(with_tenant(statement), parameters)
        with self._pool.connect() as connection, in_transaction(connection):
            connection.execute(SET_TENANT, self._tenant)
            return to_dicts(connection.execute(statement, parameters))


def in_transaction(connection: Connection) -> AbstractContextManager[object]:
    """A transaction on a connection of an AUTOCOMMIT engine, or the one that a test has begun."""
    if connection.in_transaction():
        return nullcontext()
    return connection.execution_options(isolation_level="READ COMMITTED").begin()
