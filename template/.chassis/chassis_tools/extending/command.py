"""The command `manage make field`."""

import typer

from app.core.paths import PROJECT_ROOT

from chassis_tools.extending.plan import plan_fields
from chassis_tools.extending.request import FieldRequest
from chassis_tools.scaffolding.changes import (
    apply_changes,
    apply_new_migrations,
    finish_interrupted,
)
from chassis_tools.scaffolding.project import Project


def add_fields(request: FieldRequest, *, dry_run: bool, yes: bool) -> None:
    """Add fields to a resource, and print the next step and the files to edit by hand."""
    finish_interrupted(PROJECT_ROOT)
    plan = plan_fields(Project(PROJECT_ROOT), request)
    is_confirmed = apply_changes(plan.changes, "Change these files?", dry_run=dry_run, yes=yes)
    if is_confirmed:
        is_applied = apply_new_migrations(plan.changes)
        next_step = request.next_step(is_applied=is_applied)
        typer.echo(f"Added {request.words} to {request.resource}. {next_step}")
    if is_confirmed or dry_run:
        plan.print_instructions()
