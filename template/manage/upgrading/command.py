"""What `manage upgrade` does and says, step by step."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import typer

from manage.errors import CommandError
from manage.upgrading.answers import Answers
from manage.upgrading.conflicts import Conflict, find_conflicts
from manage.upgrading.ownership import Owner, by_owner
from manage.upgrading.repository import Repository
from manage.upgrading.retired import keep_edited
from manage.upgrading.running import complaint, render, uv
from manage.upgrading.template import Release, Template
from manage.upgrading.upgrade import Upgrade

HEADINGS: dict[Owner, str] = {
    "ours": "The template's, merged with your edits",
    "extended": "The template's, for you to extend, merged with your edits",
    "yours": "Yours",
}


def upgrade_project(
    project: Upgrade, wanted: str | None, settings: Sequence[str], *, dry_run: bool
) -> None:
    """Say what is new, update, and say what changed and what is left to do."""
    answers = parse(settings)
    project.refuse_unclean()
    recorded = Answers.read(project.repository.root)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "template.git")  # By the suffix Copier knows it as a repository.
        template = Template.clone(recorded.source, clone)
        release = choose(template, recorded, wanted)
        if release.tag == recorded.version and not answers:
            typer.echo(f"This project is at {release.tag}, the newest release: nothing to do.")
            return
        typer.echo(f"From {recorded.version} to {release.tag}\n")
        typer.echo(template.changes(recorded.last_release, release))
        if dry_run:
            project = Upgrade(project.repository.cloned(Path(folder, "project")))
        old = partial(render, project.repository.root, clone, recorded, Path(folder))
        bring_in(project, release, answers, old)
    if dry_run:
        typer.echo("Nothing is changed; without --dry-run it would be.")
    else:
        complete(project.repository.root)


def parse(settings: Sequence[str]) -> dict[str, str]:
    """The answers by name."""
    answers = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not (name and sign):
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


def bring_in(
    project: Upgrade, release: Release, answers: Mapping[str, str], render_old: Callable[[], Path]
) -> None:
    """Update, say what changed, and stop at what people have to decide."""
    changed = project.run(release.tag, answers)
    report(changed)
    refuse_conflicts(project.repository, keep_edited(project.repository, changed, render_old))


def report(changed: Sequence[str]) -> None:
    """List what differs, by whom it belongs to."""
    for owner, paths in by_owner(changed).items():
        if paths:
            typer.echo(f"{HEADINGS[owner]}:")
            typer.echo("".join(f"  {path}\n" for path in paths))


def refuse_conflicts(repository: Repository, kept: Sequence[Conflict]) -> None:
    """Stop at what people have to decide."""
    conflicts = [*find_conflicts(repository), *kept]
    if conflicts:
        for conflict in conflicts:
            typer.echo(f"  {conflict.path}: {conflict.remedy}")
        raise CommandError(
            f"{len(conflicts)} of the files need a decision (above); then run `uv sync` and"
            " `manage doctor`, or take all back by `manage upgrade --abort`"
        )


def complete(root: Path) -> None:
    """Bring the environment up to date and examine the result."""
    done = uv(root, "sync", "--quiet")
    if done.returncode:
        raise CommandError(
            f"The packages cannot be installed: {complaint(done.stderr)}; mend that and run `uv sync`,"
            " or take all back by `manage upgrade --abort`"
        )
    examine(root)
    typer.echo(
        "Upgraded: review it with `git diff`, `manage migrate apply`, run your tests, commit."
    )


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
