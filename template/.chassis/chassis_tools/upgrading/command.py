"""`manage upgrade`, step by step."""

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer

from chassis_tools.upgrading.files import Conflict, Owner, by_owner, find_conflicts, keep_edited
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.running import complaint, render, uv
from chassis_tools.upgrading.template import Answers, Release, Template
from chassis_tools.upgrading.upgrade import COPIES, Upgrade
from manage.errors import CommandError


@dataclass(frozen=True)
class Plan:
    """An upgrade that can be carried out while its folder exists."""

    recorded: Answers
    release: Release
    answers: Mapping[str, str]
    changes: str
    """The changelog between the two versions."""
    folder: Path
    render_old: Callable[[], Path]
    """Renders the project as its release wrote it."""


@contextmanager
def planned(root: Path, wanted: str | None, settings: Sequence[str]) -> Iterator[Plan]:
    """What there is to do in a project; the command ends here if nothing is."""
    answers = parse(settings)
    recorded = Answers.read(root)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "template.git")  # By the suffix Copier knows it as a repository.
        template = Template.clone(recorded.source, clone)
        release = choose(template, recorded, wanted)
        if release.tag == recorded.version and recorded.has(answers):
            newest = "" if wanted else ", the newest release"
            typer.echo(f"This project is at {release.tag}{newest}: nothing to do.")
            raise typer.Exit
        is_same = release.tag == recorded.version
        way = f"At {release.tag}" if is_same else f"From {recorded.version} to {release.tag}"
        given = f", with {', '.join(settings)}" if settings else ""
        typer.echo(f"{way}{given}\n")
        changes = template.changes(recorded.last_release, release)
        render_old = partial(render, root, clone, recorded, Path(folder))
        yield Plan(recorded, release, answers, changes, Path(folder), render_old)


def parse(settings: Sequence[str]) -> dict[str, str]:
    """The answers by name."""
    answers = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign or not name.isidentifier() or name[0] == "_":
            raise CommandError(f"--set {setting} is no ANSWER=VALUE, as in --set auth=session")
        answers[name] = value
    return answers


def choose(template: Template, recorded: Answers, wanted: str | None) -> Release:
    """The release to go to, which is no older one."""
    release = template.release(wanted)
    if release.version < recorded.last_release:
        raise CommandError(
            f"{release.tag} is older than {recorded.version}, which this project has: to go back,"
            " revert the upgrade in git"
        )
    return release


HEADINGS: dict[Owner, str] = {
    "managed": "Managed by the template, merged with your edits",
    "vendored": "Vendored tools, replaced whole",
    "shared": "Shared with the template, merged with your edits",
    "owned": "Owned by your team",
}


def upgrade_project(
    project: Upgrade, wanted: str | None, settings: Sequence[str], *, dry_run: bool
) -> None:
    """Say what is new, update, and say what changed and what is left to do."""
    project.reject_unclean()
    with planned(project.repository.root, wanted, settings) as plan:
        typer.echo(f"{plan.changes}\n" if plan.changes else "")
        if dry_run:
            copy = project.repository.cloned(plan.folder / "project")
            project = Upgrade(copy, is_rehearsal=True)
        reject_conflicts(bring_in(project, plan), dry_run=dry_run)
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


def reject_conflicts(conflicts: Sequence[Conflict], *, dry_run: bool) -> None:
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
