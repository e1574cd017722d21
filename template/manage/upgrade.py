"""`manage upgrade`: a newer template, or other answers. Imports as said in `manage.cli`."""

from typing import Annotated

import typer

To = Annotated[str | None, typer.Option(help="The release; the newest if none is given.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="ANSWER=VALUE", help="Change an answer; can be repeated."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
]
Abort = Annotated[bool, typer.Option("--abort", help="Take back what the upgrade changed.")]


def upgrade(to: To = None, set_: Set = None, dry_run: DryRun = False, abort: Abort = False) -> None:
    """Bring a newer release of the template into this project; your edits are merged."""
    from app.core.paths import PROJECT_ROOT
    from manage.upgrading.command import upgrade_project
    from manage.upgrading.repository import Repository
    from manage.upgrading.upgrade import Upgrade

    project = Upgrade(Repository(PROJECT_ROOT))
    if abort:
        project.abort()
        typer.echo(
            "What the upgrade changed is as it was before; `uv sync` brings back its packages."
        )
    else:
        upgrade_project(project, to, set_ or [], dry_run=dry_run)
