"""Callbacks of Alembic's environment, which place new revisions and report progress."""

from functools import partial
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.util import CommandError as AlembicError

from manage.migration_lock import LIMIT_LOCK_WAITS
from manage.migrations.history import get_revisions
from manage.tools import load_tools


def load_autogenerate_options() -> dict[str, Any]:
    """Return the options for new revisions; without the development tools, these are rejected."""
    try:
        options: dict[str, Any] = load_tools("migrating.comparison").AUTOGENERATE_OPTIONS
        process_revisions = load_tools("migrating.revisions").process_revisions
    except Exception as error:  # A half-merged file must not stop an upgrade.
        return {"process_revision_directives": partial(reject_revisions, error)}
    return {**options, "process_revision_directives": process_revisions}


def reject_revisions(reason: Exception, *_details: Any) -> None:
    """Reject a new revision, which would lack what the tools compare."""
    raise AlembicError(f"New revisions are unavailable: {reason}")


def limit_lock_waits(*, ctx: MigrationContext, **_details: Any) -> None:
    """Limit the next migration's waits, too, because an `autocommit_block` ends the transaction."""
    if ctx.connection is not None:
        ctx.connection.execute(LIMIT_LOCK_WAITS)


def report_step(*, step: MigrationInfo, **_details: Any) -> None:
    """Print the migration that was applied or rolled back, unless `report` is off."""
    if context.config.attributes.get("report", True) and not step.is_stamp:
        action = "Applied" if step.is_upgrade else "Rolled back"
        name = str(step.up_revision_id)
        print(f"{action} {name}: {get_revisions()[name].title}")
