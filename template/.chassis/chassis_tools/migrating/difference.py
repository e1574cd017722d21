"""The difference between the models and the database, as the operations of a migration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations
from alembic.operations.ops import AddColumnOp, AlterColumnOp, MigrateOperation
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Enum, MetaData, String
from sqlalchemy.types import TypeEngine

from app.core.models import Base
from app.core.sql.operations import flatten_operations

import app.builtin.models
import app.models  # noqa: F401 (both register models)
from chassis_tools.migrating.comparison import AUTOGENERATE_OPTIONS
from chassis_tools.migrating.losses import describe_losses
from chassis_tools.migrating.native_enums import add_native_enums
from chassis_tools.migrating.renames import Rename, resolve_rename
from chassis_tools.migrating.violations import describe_violations


@dataclass(frozen=True)
class Difference:
    """The operations of a migration and its downgrade, and their effects on existing rows."""

    upgrade: list[MigrateOperation]
    downgrade: list[MigrateOperation]
    losses: list[str]
    """A line for each table, column or type that the upgrade drops or converts."""
    violations: list[str]
    """A line for each new CHECK constraint that existing rows violate."""


def compare_models(connection: Connection, renames: Sequence[str] = ()) -> Difference:
    """Compare the models with the database as it is after the renames, each `old:new`.

    All changes to the database are rolled back.
    """
    context = MigrationContext.configure(connection, opts=AUTOGENERATE_OPTIONS)
    with connection.begin_nested() as savepoint:
        resolved: list[Rename] = []
        for rename in renames:
            resolved.append(resolve_rename(connection, rename))
            Operations(context).invoke(resolved[-1].upgrade)
        script = produce_migrations(context, Base.metadata)
        upgrade = list(flatten_operations(script.upgrade_ops)) if script.upgrade_ops else []
        downgrade = list(flatten_operations(script.downgrade_ops)) if script.downgrade_ops else []
        for operation in (*upgrade, *downgrade):
            separate_constraints(operation)
        add_native_enums(connection, upgrade, downgrade)
        violations = list(describe_violations(connection, upgrade))
        savepoint.rollback()
    return Difference(
        upgrade=[*(rename.upgrade for rename in resolved), *upgrade],
        downgrade=[*downgrade, *(rename.downgrade for rename in reversed(resolved))],
        losses=list(describe_losses(upgrade)),
        violations=violations,
    )


def separate_constraints(operation: MigrateOperation) -> None:
    """Remove constraints and indexes from a column: the migration has operations for them."""
    if isinstance(operation, AddColumnOp) and operation.column.table is not None:
        copy = operation.column.table.to_metadata(MetaData()).c[operation.column.name]
        copy.unique = copy.index = None
        copy.type = separate_check(copy.type)
        operation.column = copy
    elif isinstance(operation, AlterColumnOp):
        if operation.modify_type is not None:
            operation.modify_type = separate_check(operation.modify_type)
        if operation.existing_type is not None:
            operation.existing_type = separate_check(operation.existing_type)


def separate_check(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the text type of an enumeration that is stored as text, otherwise the type itself."""
    return String(type_.length) if isinstance(type_, Enum) and not type_.native_enum else type_
