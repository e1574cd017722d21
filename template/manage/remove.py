"""`manage remove`: what `manage make` made, taken out again. Imports as said in `manage.cli`."""

import sys
from typing import Annotated

import typer


def remove(
    name: Annotated[str, typer.Argument(help="The resource, as `manage make` was given it.")],
    force: Annotated[
        bool, typer.Option("--force", help="Delete files that were edited, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take a resource out again: its files, its registrations and its table."""
    from app.core.paths import PROJECT_ROOT
    from manage.errors import CommandError
    from manage.scaffolding.changes import finish_interrupted
    from manage.scaffolding.dialogue import carry_out
    from manage.scaffolding.project import Project
    from manage.scaffolding.removing import Resource
    from manage.scaffolding.table_removal import plan_table

    finish_interrupted(PROJECT_ROOT)
    resource = Resource.find(Project(PROJECT_ROOT), name)
    resource.refuse_needed()
    if not force:
        resource.refuse_edited()
    if not (yes or dry_run or sys.stdin.isatty()):
        raise CommandError("This deletes files: add --yes, or --dry-run to see which")
    table = plan_table(resource)
    changes = resource.removal(dropping=table.dropping)
    question = f"Delete these files{table.loss}?"
    if carry_out(changes, question, dry_run=dry_run, yes=yes, assume_yes=False, first=table.undo):
        typer.echo(f"Removed {name}. {table.next_step}".strip())
