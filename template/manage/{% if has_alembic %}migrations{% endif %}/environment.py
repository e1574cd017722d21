"""What Alembic's environment adds to its defaults: a place for new revisions, and progress."""

from typing import Any

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext, MigrationInfo

from app.core.paths import PROJECT_ROOT

from manage.migrations.history import expected_heads, revisions, unmet_kernel_heads


def place_revision(
    _context: MigrationContext, _revision: Any, directives: list[MigrationScript]
) -> None:
    """Put a new revision on the team's line, unless `--head` has put it somewhere."""
    for script in directives:
        if script.head in (None, "head"):
            _put_on_team_line(script)


def _put_on_team_line(script: MigrationScript) -> None:
    known = revisions()
    team_heads = {name for name in expected_heads() if known[name].line == "app"}
    script.version_path = str(PROJECT_ROOT / "migrations" / "app")
    if team_heads:
        script.head = "app@head"
    else:
        script.head, script.branch_label = "base", "app"
    # On a new database the kernel's migrations that this one may build on then come first.
    script.depends_on = unmet_kernel_heads(team_heads) or None


def report_step(*, step: MigrationInfo, **_details: Any) -> None:
    """Say which migration was applied or rolled back, unless the caller wants to hear nothing."""
    if context.config.attributes.get("report", True):
        action = "Applied" if step.is_upgrade else "Rolled back"
        name = str(step.up_revision_id)
        print(f"{action} {name}: {revisions()[name].title}")
