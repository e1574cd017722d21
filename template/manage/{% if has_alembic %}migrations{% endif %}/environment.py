"""Callbacks of Alembic's environment, which place new revisions and report progress."""

from typing import Any

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext, MigrationInfo

from app.core.paths import PROJECT_ROOT

from manage.errors import CommandError
from manage.migration_lock import LIMIT_LOCK_WAITS
from manage.migrations.history import find_unmet_kernel_heads, get_heads, get_revisions
from manage.tools import load_tools


def load_comparison_options() -> dict[str, Any]:
    """Return the development tools' options for comparing; a deployment has none."""
    try:
        options: dict[str, Any] = load_tools("migrating.comparison").AUTOGENERATE_OPTIONS
    except CommandError:
        return {}
    return options


def place_revision(
    _context: MigrationContext, _revision: Any, directives: list[MigrationScript]
) -> None:
    """Add new revisions to the app history, unless `--head` names another head."""
    for script in directives:
        if script.head in (None, "head"):
            _add_to_app_history(script)


def _add_to_app_history(script: MigrationScript) -> None:
    revisions = get_revisions()
    app_heads = {name for name in get_heads() if revisions[name].history == "app"}
    script.version_path = str(PROJECT_ROOT / "migrations" / "app")
    if app_heads:
        script.head = "app@head"
    else:
        script.head, script.branch_label = "base", "app"
    # The kernel's current migrations run first, because this migration may build on them.
    script.depends_on = find_unmet_kernel_heads(app_heads) or None


def limit_lock_waits(*, ctx: MigrationContext, **_details: Any) -> None:
    """Limit the next migration's waits, too: an `autocommit_block` has ended the transaction."""
    if ctx.connection is not None:
        ctx.connection.execute(LIMIT_LOCK_WAITS)


def report_step(*, step: MigrationInfo, **_details: Any) -> None:
    """Print the migration that was applied or rolled back, unless `report` is off."""
    if context.config.attributes.get("report", True):
        action = "Applied" if step.is_upgrade else "Rolled back"
        name = str(step.up_revision_id)
        print(f"{action} {name}: {get_revisions()[name].title}")
