"""The steps of `manage upgrade`."""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer

from chassis_tools.upgrading.files import (
    Conflict,
    Owner,
    find_conflicts,
    group_by_owner,
    restore_edited,
)
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.running import extract_error, render, uv
from chassis_tools.upgrading.template import Answers, Release, Template
from chassis_tools.upgrading.upgrade import BACKUPS, Upgrade
from chassis_tools.upgrading.vendored import (
    Replacement,
    list_vendored,
    restore_release,
    save_edits,
)
from manage.errors import CommandError

HEADINGS: dict[Owner, str] = {
    "managed": "Managed by the template, merged with your edits",
    "vendored": "Vendored, replaced by the release's version",
    "shared": "Shared with the template, merged with your edits",
    "owned": "Owned by your team",
}


@dataclass(frozen=True)
class Plan:
    """An upgrade to a release; valid while its folder exists."""

    root: Path
    recorded: Answers
    """The current version, and the answers of the last rendering."""
    release: Release
    answers: Mapping[str, str]
    changelog: str
    """The changelog between the two versions."""
    folder: Path
    """A temporary folder with the clone of the template."""

    def render_old(self, only: Iterable[str] = ()) -> Path:
        """Render the project's current release, or only some of its paths."""
        scratch = self.folder / ("old-paths" if only else "old")
        return render(self.root, clone_path(self.folder), self.recorded, scratch, [*only])

    def render_new(self, recorded: Answers, only: Iterable[str]) -> Path:
        """Render paths of the release with the answers that the update recorded."""
        return render(
            self.root, clone_path(self.folder), recorded, self.folder / "new-paths", [*only]
        )


@dataclass(frozen=True)
class Outcome:
    """The files that need attention after an update."""

    conflicts: list[Conflict]
    replacements: list[Replacement] = field(default_factory=list)
    """Edited vendored files, which are the release's again."""


def upgrade_project(
    project: Upgrade, version: str | None, settings: Sequence[str], *, dry_run: bool
) -> None:
    """Print what is new, update the project, and print the changes and the next steps."""
    project.reject_unclean()
    with prepare_plan(project.repository.root, version, settings) as plan:
        typer.echo(f"{plan.changelog}\n" if plan.changelog else "")
        if dry_run:
            clone = project.repository.clone_to(plan.folder / "project")
            project = Upgrade(clone, is_dry_run=True)
        reject_conflicts(apply_release(project, plan).conflicts, dry_run=dry_run)
    if dry_run:
        typer.echo("Dry run: nothing is changed.")
    else:
        finish_upgrade(project.repository.root)
        typer.echo(
            "Upgraded: review it with `git add --all` and `git diff --cached`, run"
            " `manage migrate apply` and your tests, then commit."
        )


@contextmanager
def prepare_plan(root: Path, version: str | None, settings: Sequence[str]) -> Iterator[Plan]:
    """Plan an upgrade without changing the project; end the command if there is nothing to do."""
    answers = parse_answers(settings)
    recorded = Answers.read(root)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = Template.clone(recorded.source, clone_path(folder))
        release = choose_release(template, recorded, version)
        if release.tag == recorded.version and recorded.has(answers):
            newest = "" if version else ", the newest release"
            typer.echo(f"This project is at {release.tag}{newest}: nothing to do.")
            raise typer.Exit
        is_same = release.tag == recorded.version
        way = f"At {release.tag}" if is_same else f"From {recorded.version} to {release.tag}"
        with_answers = f", with {', '.join(settings)}" if settings else ""
        typer.echo(f"{way}{with_answers}\n")
        changelog = template.read_changelog(recorded.last_release, release)
        # Read now: the update replaces the record of the last rendering.
        rendered = recorded.as_rendered(root)
        yield Plan(root, rendered, release, answers, changelog, folder)


def clone_path(folder: Path) -> Path:
    """Return the place of the template's clone; Copier knows a repository by the suffix."""
    return folder / "template.git"


def parse_answers(settings: Sequence[str]) -> dict[str, str]:
    """Parse ANSWER=VALUE settings."""
    answers = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign or not name.isidentifier() or name[0] == "_":
            raise CommandError(
                f"--set {setting} is invalid: write ANSWER=VALUE, as in --set auth=session"
            )
        answers[name] = value
    return answers


def choose_release(template: Template, recorded: Answers, version: str | None) -> Release:
    """Return the release to upgrade to; reject an older one."""
    release = template.get_release(version)
    if release.version < recorded.last_release:
        raise CommandError(
            f"{release.tag} is older than {recorded.version}, this project's release: to go back,"
            " revert the upgrade in git"
        )
    return release


def apply_release(project: Upgrade, plan: Plan) -> Outcome:
    """Update the project, print the changes, and return the files that need attention."""
    repository = project.repository
    vendored = list_vendored(repository.root)
    replacements: list[Replacement] = []

    def replace_vendored() -> None:
        """Make every vendored file the release's and save the edits that this replaces."""
        paths = vendored | list_vendored(repository.root)
        old = plan.render_old(paths)
        restore_release(plan.render_new(Answers.read(repository.root), paths), repository.root)
        replacements.extend(save_edits(repository, old, paths))

    changed = project.run(plan.release.tag, plan.answers, replace_vendored)
    restored = restore_edited(repository, changed, plan.render_old)
    report_changes(repository, {*changed}.difference(conflict.path for conflict in restored))
    report_replacements(replacements)
    for path in project.list_overwritten():
        typer.echo(
            f"The update changed {path}, which git ignores: your version is {BACKUPS / path}\n"
        )
    return Outcome([*find_conflicts(repository), *restored], replacements)


def report_changes(repository: Repository, changed: Iterable[str]) -> None:
    """Print the changed files by class."""
    tracked = {*repository.list_tracked()}  # Copier adds no new file to git's index.
    for owner, paths in group_by_owner(changed, repository.root).items():
        if paths:
            typer.echo(f"{HEADINGS[owner]}:")
            for path in paths:
                suffix = describe_change(repository.root / path, is_tracked=path in tracked)
                typer.echo(f"  {path}{suffix}")
            typer.echo()


def report_replacements(replacements: Sequence[Replacement]) -> None:
    """Print the vendored files of which the team's version was replaced."""
    if not replacements:
        return
    typer.echo("Your versions of vendored files, which are replaced; move your edits elsewhere:")
    for replacement in replacements:
        edit = f"edit: {replacement.patch.as_posix()}" if replacement.patch else "was deleted"
        typer.echo(f"  {replacement.path} ({edit})")
    typer.echo()


def describe_change(path: Path, *, is_tracked: bool) -> str:
    """Return a mark for a deleted or new file."""
    if not path.exists():
        return " (deleted)"
    return "" if is_tracked else " (new)"


def reject_conflicts(conflicts: Sequence[Conflict], *, dry_run: bool) -> None:
    """Fail with a list of the files that need a decision."""
    if not conflicts:
        return
    for conflict in conflicts:
        typer.echo(f"  {conflict.path}: {conflict.remedy}")
    if dry_run:
        raise CommandError(
            f"Files that would need a decision: {len(conflicts)} (above); dry run: nothing is"
            " changed"
        )
    manage = "manage"
    if any(conflict.path == "pyproject.toml" for conflict in conflicts):
        # uv reads pyproject.toml before it runs anything.
        manage = str(Path(sys.executable).with_name("manage"))
    raise CommandError(
        f"Files that need a decision: {len(conflicts)} (above). Then run `uv sync` and"
        f" `manage doctor`, or undo the upgrade with `{manage} upgrade --abort`"
    )


def finish_upgrade(root: Path) -> None:
    """Install the new packages and check the project."""
    done = uv(root, "sync", "--quiet")
    if done.returncode:
        raise CommandError(
            f"The packages cannot be installed: {extract_error(done.stderr)}; fix that and run"
            " `uv sync`, or undo the upgrade with `manage upgrade --abort`"
        )
    check_project(root)


def check_project(root: Path) -> None:
    """Run `manage doctor` in a new process, which loads the upgraded code."""
    done = uv(root, "run", "--no-sync", "manage", "doctor")
    typer.echo(done.stdout)
    if done.returncode:
        typer.echo(done.stderr, err=True)
        raise CommandError(
            "The project is upgraded, but `manage doctor` found errors (above): fix them and run it"
            " again, or undo the upgrade with `manage upgrade --abort`"
        )
