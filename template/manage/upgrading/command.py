"""What `manage upgrade` does and says, step by step."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from manage.errors import CommandError
from manage.upgrading.conflicts import Conflict, find_conflicts
from manage.upgrading.ownership import Owner, by_owner
from manage.upgrading.planning import Plan, planned
from manage.upgrading.repository import Repository
from manage.upgrading.retired import keep_edited
from manage.upgrading.running import complaint, uv
from manage.upgrading.upgrade import COPIES, Upgrade

HEADINGS: dict[Owner, str] = {
    "ours": "The template's, merged with your edits",
    "extended": "The template's, for you to extend, merged with your edits",
    "yours": "Yours",
}


def upgrade_project(
    project: Upgrade, wanted: str | None, settings: Sequence[str], *, dry_run: bool
) -> None:
    """Say what is new, update, and say what changed and what is left to do."""
    project.refuse_unclean()
    with planned(project.repository.root, wanted, settings) as plan:
        typer.echo(f"{plan.changes}\n" if plan.changes else "")
        if dry_run:
            copy = project.repository.cloned(plan.folder / "project")
            project = Upgrade(copy, is_rehearsal=True)
        refuse_conflicts(bring_in(project, plan), dry_run=dry_run)
    if dry_run:
        typer.echo("Nothing is changed; without --dry-run it would be.")
    else:
        complete(project.repository.root)
        typer.echo(
            "Upgraded: review it with `git add --all` and `git diff --cached`, then"
            " `manage migrate apply`, run your tests, commit."
        )


def bring_in(project: Upgrade, plan: Plan) -> list[Conflict]:
    """Update, say what changed, and find what people have to decide."""
    changed = project.run(plan.release.tag, plan.answers)
    kept = keep_edited(project.repository, changed, plan.render_old)
    report(project.repository, {*changed}.difference(conflict.path for conflict in kept))
    for path in project.replaced():
        typer.echo(f"git ignores {path}, which is another file now; what it was: {COPIES / path}\n")
    return [*find_conflicts(project.repository), *kept]


def report(repository: Repository, changed: Iterable[str]) -> None:
    """List what differs, by whom it belongs to."""
    known = {*repository.tracked()}  # Copier adds nothing to git's index.
    for owner, paths in by_owner(changed, repository.root).items():
        if paths:
            typer.echo(f"{HEADINGS[owner]}:")
            for path in paths:
                typer.echo(f"  {path}{mark(repository.root / path, is_known=path in known)}")
            typer.echo()


def mark(path: Path, *, is_known: bool) -> str:
    """What happened to a file, unless it is only another one."""
    if not path.exists():
        return " (deleted)"
    return "" if is_known else " (new)"


def refuse_conflicts(conflicts: Sequence[Conflict], *, dry_run: bool) -> None:
    """Stop at what people have to decide."""
    if not conflicts:
        return
    for conflict in conflicts:
        typer.echo(f"  {conflict.path}: {conflict.remedy}")
    if dry_run:
        raise CommandError(
            f"Files that would need a decision: {len(conflicts)}. Nothing is changed"
        )
    manage = "manage"
    if any(conflict.path == "pyproject.toml" for conflict in conflicts):
        # Which uv reads before it runs anything.
        manage = str(Path(sys.executable).with_name("manage"))
    raise CommandError(
        f"Files that need a decision: {len(conflicts)} (above); then run `uv sync` and"
        f" `manage doctor`, or take all back by `{manage} upgrade --abort`"
    )


def complete(root: Path) -> None:
    """Bring the environment up to date and examine the result."""
    done = uv(root, "sync", "--quiet")
    if done.returncode:
        raise CommandError(
            f"The packages cannot be installed: {complaint(done.stderr)}; mend that and run"
            " `uv sync`, or take all back by `manage upgrade --abort`"
        )
    examine(root)


def examine(root: Path) -> None:
    """Run `manage doctor`, in a process of its own: the code on disk is not what runs here."""
    done = uv(root, "run", "--no-sync", "manage", "doctor")
    typer.echo(done.stdout)
    if done.returncode:
        typer.echo(done.stderr, err=True)
        raise CommandError(
            "The upgrade is there, but `manage doctor` has found errors (above): mend them and run"
            " it again, or take all back by `manage upgrade --abort`"
        )
