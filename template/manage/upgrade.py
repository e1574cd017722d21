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
PullRequest = Annotated[
    bool, typer.Option("--pull-request", help="Open a pull request on GitHub, by its program gh.")
]
Abort = Annotated[bool, typer.Option("--abort", help="Take back what the upgrade changed.")]


def upgrade(
    to: To = None,
    set_: Set = None,
    dry_run: DryRun = False,
    pull_request: PullRequest = False,
    abort: Abort = False,
) -> None:
    """Bring a newer release of the template into this project; your edits are merged."""
    from app.core.paths import PROJECT_ROOT
    from manage.errors import CommandError
    from manage.upgrading.command import upgrade_project
    from manage.upgrading.proposal import propose_upgrade
    from manage.upgrading.repository import Repository
    from manage.upgrading.upgrade import Upgrade

    project = Upgrade(Repository(PROJECT_ROOT))
    if abort:
        if to or set_ or dry_run or pull_request:
            raise CommandError("--abort goes with no other option")
        note = project.abort()
        typer.echo(f"What the upgrade changed is as it was before{note}. Its packages: `uv sync`.")
    elif pull_request:
        if set_ or dry_run:
            raise CommandError("--pull-request goes with --to only")
        propose_upgrade(project, to)
    else:
        upgrade_project(project, to, set_ or [], dry_run=dry_run)
