"""Callbacks of Alembic's environment, which place new revisions and report progress."""

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationInfo

from manage.migrations.history import get_revisions
from manage.tools import load_tools


def place_revision(*arguments: Any) -> None:
    """Add new revisions to the app history, unless `--head` names another head."""
    load_tools("migration_files").place_revisions(*arguments)


def report_step(*, step: MigrationInfo, **_details: Any) -> None:
    """Print the migration that was applied or rolled back, unless `report` is off."""
    if context.config.attributes.get("report", True):
        action = "Applied" if step.is_upgrade else "Rolled back"
        name = str(step.up_revision_id)
        print(f"{action} {name}: {get_revisions()[name].title}")
