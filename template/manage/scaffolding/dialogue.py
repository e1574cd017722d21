"""How a command shows what it is about to change, and asks."""

import sys
from collections.abc import Callable

import typer

from manage.scaffolding.changes import ChangeSet


def carry_out(
    changes: ChangeSet,
    question: str,
    *,
    dry_run: bool,
    yes: bool,
    assume_yes: bool = True,
    first: Callable[[], None] | None = None,
) -> bool:
    """Show the changes and make them, unless the answer is no or it is only a rehearsal.

    `assume_yes` is what Enter alone means.
    """
    from app.core.paths import PROJECT_ROOT

    wanted = is_wanted(changes, question, dry_run=dry_run, yes=yes, assume_yes=assume_yes)
    if wanted:
        changes.apply(PROJECT_ROOT, first=first)
    return wanted


def is_wanted(
    changes: ChangeSet, question: str, *, dry_run: bool, yes: bool, assume_yes: bool = True
) -> bool:
    """Show the changes, and ask unless it is only a rehearsal."""
    typer.echo(changes.tree())
    if dry_run:
        typer.echo(changes.diff())
        return False
    if not yes and sys.stdin.isatty() and not typer.confirm(question, default=assume_yes):
        typer.echo("Nothing is changed.")
        return False
    return True
