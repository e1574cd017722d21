"""The difference between the models and the database, as the operations of a migration."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations
from alembic.operations.ops import AddColumnOp, AlterColumnOp, MigrateOperation, MigrationScript
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Enum, MetaData, String
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from app.core.models import Base
from app.core.sql.errors import get_sqlstate
from app.core.sql.operations import flatten_operations

import app.builtin.models
import app.models  # noqa: F401 (both register models)
from chassis_tools.migrating.comparison import AUTOGENERATE_OPTIONS
from chassis_tools.migrating.conversions import cast_converted_columns
from chassis_tools.migrating.losses import describe_losses
from chassis_tools.migrating.native_enums import add_native_enums, describe_removed_labels
from chassis_tools.migrating.renames import Rename, resolve_rename
from chassis_tools.migrating.schema_objects import add_sequences, require_domains
from chassis_tools.migrating.violations import describe_violations
from manage.errors import CommandError, summarize_error
from manage.migration_lock import LIMIT_LOCK_WAITS, LOCK_ADVICE, LOCK_NOT_AVAILABLE


@dataclass(frozen=True)
class Difference:
    """The operations of a migration and its downgrade, and their effects on existing rows."""

    upgrade: list[MigrateOperation]
    downgrade: list[MigrateOperation]
    losses: list[str]
    """A line for each table, column or type that the upgrade drops or converts."""
    violations: list[str]
    """A line for each new CHECK constraint, or model's enumeration, that existing rows violate."""


def compare_models(connection: Connection, renames: Sequence[str] = ()) -> Difference:
    """Compare the models with the database as it is after the renames, each `old:new`.

    All changes to the database are rolled back.
    """
    context = MigrationContext.configure(connection, opts=AUTOGENERATE_OPTIONS)
    with connection.begin_nested() as savepoint:
        resolved = rename_objects(connection, context, renames)
        difference = complete_difference(connection, produce_migrations(context, Base.metadata))
        savepoint.rollback()
    return replace(
        difference,
        upgrade=[
            *(item for rename in resolved for item in rename.upgrade),
            *difference.upgrade,
        ],
        downgrade=[
            *difference.downgrade,
            *(item for rename in resolved[::-1] for item in rename.downgrade),
        ],
    )


def complete_difference(connection: Connection, script: MigrationScript) -> Difference:
    """Return the difference that Alembic found, with the statements that it leaves out."""
    upgrade = list(flatten_operations(script.upgrade_ops)) if script.upgrade_ops else []
    downgrade = list(flatten_operations(script.downgrade_ops)) if script.downgrade_ops else []
    for operation in (*upgrade, *downgrade):
        separate_constraints(operation)
    add_native_enums(connection, upgrade, downgrade)
    require_domains(connection, upgrade)
    add_sequences(connection, upgrade, downgrade)
    losses = list(describe_losses(upgrade))
    cast_converted_columns(connection, upgrade, downgrade)
    violations = [
        *describe_violations(connection, upgrade),
        *describe_removed_labels(connection),
    ]
    return Difference(upgrade, downgrade, losses, violations)


def rename_objects(
    connection: Connection, context: MigrationContext, renames: Sequence[str]
) -> list[Rename]:
    """Rename tables and columns in the database; return the operations that did this."""
    resolved: list[Rename] = []
    try:
        if renames:
            connection.execute(LIMIT_LOCK_WAITS)
        for argument in renames:
            resolved.append(resolve_rename(connection, argument))
            for operation in resolved[-1].upgrade:
                Operations(context).invoke(operation)
    except DBAPIError as error:
        is_locked = get_sqlstate(error) == LOCK_NOT_AVAILABLE
        reason = LOCK_ADVICE if is_locked else summarize_error(error)
        raise CommandError(f"No migration was written: {reason}") from error
    return resolved


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
