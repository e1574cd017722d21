"""What autogenerate adds for tenants: each table of theirs is protected, and old rows get a tenant."""

from collections.abc import Iterator, Mapping

from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import (
    AddColumnOp,
    CreateForeignKeyOp,
    DropConstraintOp,
    ExecuteSQLOp,
    MigrateOperation,
    ModifyTableOps,
    UpgradeOps,
)
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Connection, Table

from app.core.models import Base
from app.core.sql.operations import leaves
from app.core.tenancy.catalog import RELATIONS, TENANTS, Facts, policy_gaps
from app.core.tenancy.roles import SERVING
from app.core.tenancy.row_security import POLICIES, force, grant, make_policies, protect

PLUGIN = "app.core.tenancy.protection"

NAME_DEFAULT_TENANT = "SELECT set_config('app.tenant_id', find_tenant('default')::text, true)"
NAME_NO_TENANT = "SELECT set_config('app.tenant_id', '', true)"


class Statement(ExecuteSQLOp):
    """SQL with what undoes it; without `undo` a rollback leaves it as it is."""

    def __init__(self, sql: str, *, undo: str | None = None) -> None:
        super().__init__(sql)
        self.sql = sql
        self.undo = undo

    def reverse(self) -> MigrateOperation:
        nothing = ModifyTableOps("", [])  # Alembic has no operation that does nothing.
        return Statement(self.undo, undo=self.sql) if self.undo else nothing


def compare_protection(context: AutogenContext, upgrade_ops: UpgradeOps) -> PriorityDispatchResult:
    """Add what protects the models' tables and is missing in the database, in an order that works."""
    if context.connection is None:
        return PriorityDispatchResult.CONTINUE
    relations = read_catalog(context.connection)
    found = list(leaves(upgrade_ops))
    if any(gives_tenant(operation) for operation in found):
        # The new columns take their default from this for the rows that are there.
        found = [Statement(NAME_DEFAULT_TENANT), *found, Statement(NAME_NO_TENANT)]
    foreign_keys = [operation for operation in found if isinstance(operation, CreateForeignKeyOp)]
    dropped = [operation for operation in found if drops_foreign_key(operation)]
    others = [operation for operation in found if operation not in (*foreign_keys, *dropped)]
    missing = [
        statement
        for table in Base.metadata.sorted_tables
        for statement in missing_statements(table, name_of(context, table), relations)
    ]
    upgrade_ops.ops = [*dropped, *others, *foreign_keys, *missing]
    return PriorityDispatchResult.CONTINUE


def read_catalog(connection: Connection) -> dict[str, Facts]:
    """What the database has, by its key in the metadata."""
    rows = connection.execute(RELATIONS, {"role": SERVING}).mappings()
    return {row["key"]: dict(row) for row in rows}


def missing_statements(
    table: Table, name: str, relations: Mapping[str, Facts]
) -> Iterator[Statement]:
    """What it takes to protect a model's table and to let the service use it."""
    relation = relations.get(table.key)
    if "tenant_id" not in table.c:
        if table.name != TENANTS and not (relation and relation["is_granted"]):
            yield Statement(grant(name))
    elif relation is None:
        yield from map(Statement, protect(name))
    elif not relation["has_tenant_id"]:
        yield from protect_reversibly(name)
    else:
        yield from mend(name, relation)


def protect_reversibly(name: str) -> Iterator[Statement]:
    """Protect a table that was there before the tenants.

    Where a later migration drops it, undoing that one brings it back without policies.
    """
    enabled, forced, isolation, maintenance, granted = protect(name)
    yield Statement(enabled, undo=f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY")
    yield Statement(forced, undo=f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
    yield Statement(isolation, undo=f"DROP POLICY IF EXISTS tenant_isolation ON {name}")
    yield Statement(maintenance, undo=f"DROP POLICY IF EXISTS owner_maintenance ON {name}")
    yield Statement(granted)


def mend(name: str, relation: Facts) -> Iterator[Statement]:
    """Close the gaps of a table that is protected in part; what else the team made is left."""
    if not relation["is_forced"]:
        yield from map(Statement, force(name))
    ours = [policy for policy in relation["policies"] if policy["name"] in POLICIES]
    if any(policy_gaps({**relation, "policies": ours})):
        for policy in ours:
            yield Statement(f"DROP POLICY {policy['name']} ON {name}")
        yield from map(Statement, make_policies(name))
    if not relation["is_granted"]:
        yield Statement(grant(name))


def gives_tenant(operation: MigrateOperation) -> bool:
    """Whether a table that is there becomes a tenant's."""
    return isinstance(operation, AddColumnOp) and operation.column.name == "tenant_id"


def drops_foreign_key(operation: MigrateOperation) -> bool:
    """Whether a foreign key goes, which must be before the key that it points to."""
    return isinstance(operation, DropConstraintOp) and operation.constraint_type == "foreignkey"


def name_of(context: AutogenContext, table: Table) -> str:
    """A table's name as SQL has it."""
    if context.dialect is None:
        raise TypeError("A comparison has a dialect")
    return context.dialect.identifier_preparer.format_table(table)


Plugin(PLUGIN).add_autogenerate_comparator(
    compare_protection, "autogenerate", priority=DispatchPriority.LAST
)
