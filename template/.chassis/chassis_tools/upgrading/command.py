"""The command `manage upgrade`: plan, update, report and check."""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer

from chassis_tools.scaffolding.file_operations import read_content
from chassis_tools.upgrading.files import (
    Conflict,
    Owner,
    find_conflicts,
    group_by_owner,
    is_covered,
    restore_edited,
)
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.running import extract_error, render, run_uv
from chassis_tools.upgrading.template import Answers, Release, Template
from chassis_tools.upgrading.upgrade import (
    BACKUPS,
    LINK,
    Upgrade,
    list_results,
    report_interruption,
)
from chassis_tools.upgrading.vendored import (
    Replacement,
    list_files,
    list_vendored,
    restore_release,
    save_edits,
)
from manage.errors import CommandError

COMMAND = "manage/"
HEADINGS: dict[Owner, str] = {
    "managed": "Managed by the template, merged with your edits",
    "vendored": "Vendored, replaced by the release's version",
    "shared": "Shared with the template, merged with your edits",
    "owned": "Owned by your team",
}


@dataclass(frozen=True)
class Plan:
    """The plan of an upgrade; it is valid while its temporary folder exists."""

    root: Path
    recorded: Answers
    """The project's version and the answers that it was rendered with."""
    release: Release
    answers: Mapping[str, str]
    changelog: str
    """The changelog between the two versions."""
    folder: Path
    """A temporary folder with the clone of the template."""

    def render_old(self, only: Iterable[str] = ()) -> Path:
        """Render the project's current release, or only some paths of it."""
        return self._render(self.recorded, only)

    def render_new(self, recorded: Answers, only: Iterable[str]) -> Path:
        """Render some paths of the new release with the answers that the update recorded."""
        return self._render(recorded, only)

    def _render(self, recorded: Answers, only: Iterable[str]) -> Path:
        scratch = Path(tempfile.mkdtemp(dir=self.folder))
        return render(self.root, get_clone_path(self.folder), recorded, scratch, [*only])


@dataclass(frozen=True)
class Outcome:
    """The files that need attention after an update."""

    conflicts: list[Conflict]
    replacements: list[Replacement] = field(default_factory=list)
    """Edited vendored files that the update replaced."""


def upgrade_project(
    upgrade: Upgrade, version: str | None, assignments: Sequence[str], *, dry_run: bool
) -> None:
    """Print the changelog, update the project, and print the changes and the next steps."""
    upgrade.reject_unclean()
    with prepare_plan(upgrade.repository.root, version, assignments) as plan:
        typer.echo(f"{plan.changelog}\n" if plan.changelog else "")
        outcome = apply_release(upgrade, plan, dry_run=dry_run)
        reject_conflicts(outcome.conflicts, dry_run=dry_run)
    if dry_run:
        typer.echo("Dry run: nothing was changed.")
    else:
        finish_upgrade(upgrade.repository.root)
        typer.echo(
            "The project is upgraded: review it with `git add --all` and `git diff --cached`, run"
            " `manage migrate apply` and your tests, then commit."
        )


@contextmanager
def prepare_plan(root: Path, version: str | None, assignments: Sequence[str]) -> Iterator[Plan]:
    """Plan an upgrade without changing the project; end the command if there is nothing to do."""
    answers = parse_answers(assignments)
    recorded = Answers.read(root)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = Template.clone(recorded.source, get_clone_path(folder))
        release = choose_release(template, recorded, version)
        if release.tag == recorded.version and recorded.contains(answers):
            newest = "" if version else ", the newest release"
            typer.echo(f"This project is at {release.tag}{newest}: nothing to do.")
            raise typer.Exit
        is_same = release.tag == recorded.version
        versions = f"At {release.tag}" if is_same else f"From {recorded.version} to {release.tag}"
        suffix = f", with {', '.join(assignments)}" if assignments else ""
        typer.echo(f"{versions}{suffix}\n")
        changelog = template.read_changelog(recorded.last_release, release)
        # Read them now: the update replaces the answers of the last rendering.
        rendered = recorded.as_rendered(root)
        yield Plan(root, rendered, release, answers, changelog, folder)


def get_clone_path(folder: Path) -> Path:
    """Return the path of the template's clone; Copier recognizes a repository by the suffix."""
    return folder / "template.git"


def parse_answers(assignments: Sequence[str]) -> dict[str, str]:
    """Parse ANSWER=VALUE assignments."""
    answers = {}
    for assignment in assignments:
        name, sign, value = assignment.partition("=")
        if not sign or not name.isidentifier() or name[0] == "_":
            raise CommandError(
                f"--set {assignment} is invalid: write ANSWER=VALUE, as in --set auth=session"
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


def apply_release(upgrade: Upgrade, plan: Plan, *, dry_run: bool = False) -> Outcome:
    """Update the project, print the changes, and return the files that need attention.

    The release is merged in a clone; until the result is carried over, the project stays as it is.
    """
    with upgrade.merge(plan.release.tag, plan.answers) as clone:
        with report_interruption():
            replacements = replace_vendored(clone, plan)
            restored_files = restore_edited(clone, list_results(clone), plan.render_old)
            behind_links = find_changes_behind_links(upgrade.repository, clone, plan)
            conflicts = [*find_conflicts(clone), *restored_files, *behind_links]
        changed = list_results(clone)
        if not dry_run:
            upgrade.carry_over(clone)
        report_changes(clone, changed)
    report_replacements(replacements)
    report_ignored(
        upgrade.repository, [path for path in changed if not upgrade.is_behind_link(path)]
    )
    for path in [] if dry_run else upgrade.list_overwritten():
        typer.echo(
            f"The update changed {path}, which git ignores: your version is {BACKUPS / path}\n"
        )
    return Outcome(conflicts, replacements)


def replace_vendored(clone: Repository, plan: Plan) -> list[Replacement]:
    """Restore the release's vendored files, and save the edits that this replaces.

    So are files of the command `manage` that do not merge, because it must start.
    """
    unmerged = {path for path in clone.list_unmerged() if path.startswith(COMMAND)}
    paths = list_vendored(plan.root) | list_vendored(clone.root) | unmerged
    old = plan.render_old(paths)
    new = plan.render_new(Answers.read(clone.root), paths)
    restore_release(new, clone.root, unmerged)
    clone.unstage(
        [path for path in clone.list_unmerged() if any(is_covered(path, entry) for entry in paths)]
    )
    return [*save_edits(clone, old, new, paths)]


def find_changes_behind_links(
    repository: Repository, clone: Repository, plan: Plan
) -> list[Conflict]:
    """Return the files that a release changes where the project has a symbolic link."""
    if not (links := repository.list_links()):
        return []
    old, new = plan.render_old(links), plan.render_new(Answers.read(clone.root), links)
    paths = {*list_files(old), *list_files(new)}
    return [
        Conflict(path, LINK)
        for path in sorted(paths)
        if any(is_covered(path, link) or is_covered(path, f"{link}/") for link in links)
        and read_content(old / path) != read_content(new / path)
    ]


def report_changes(repository: Repository, changed: Iterable[str]) -> None:
    """Print the changed files by owner."""
    tracked = {*repository.list_tracked()}  # Copier does not add new files to the index.
    for owner, paths in group_by_owner(changed, repository.root).items():
        if paths:
            typer.echo(f"{HEADINGS[owner]}:")
            for path in paths:
                suffix = describe_change(repository.root / path, is_tracked=path in tracked)
                typer.echo(f"  {path}{suffix}")
            typer.echo()


def report_replacements(replacements: Sequence[Replacement]) -> None:
    """Print the edited or deleted vendored files that the update replaced."""
    if not replacements:
        return
    typer.echo("The upgrade replaced these files; move your saved edits elsewhere:")
    for replacement in replacements:
        edit = f"edit: {replacement.patch.as_posix()}" if replacement.patch else "was deleted"
        typer.echo(f"  {replacement.path} ({edit})")
    typer.echo()


def report_ignored(repository: Repository, changed: Sequence[str]) -> None:
    """Print the new files that git ignores, without which the next clone would be incomplete."""
    if ignored := repository.filter_ignored(changed):
        typer.echo("git ignores these new files: add them with `git add --force`, if you need them")
        for path in ignored:
            typer.echo(f"  {path}")
        typer.echo()


def describe_change(path: Path, *, is_tracked: bool) -> str:
    """Return the suffix of a deleted or new file in the list of changes."""
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
            f"Dry run: files that would need a decision: {len(conflicts)} (above); nothing was"
            " changed"
        )
    manage = "manage"
    if any(conflict.path == "pyproject.toml" for conflict in conflicts):
        # uv cannot run anything while pyproject.toml contains conflict markers.
        manage = str(Path(sys.executable).with_name("manage"))
    raise CommandError(
        f"Files that need a decision: {len(conflicts)} (above). Resolve them and run `uv sync`"
        f" and `manage doctor`, or undo the upgrade with `{manage} upgrade --abort`"
    )


def finish_upgrade(root: Path) -> None:
    """Install the new packages and check the project."""
    process = run_uv(root, "sync", "--quiet")
    if process.returncode:
        raise CommandError(
            f"The packages cannot be installed: {extract_error(process.stderr)}; fix that and run"
            " `uv sync`, or undo the upgrade with `manage upgrade --abort`"
        )
    check_project(root)


def check_project(root: Path) -> None:
    """Run `manage doctor` in a new process, which loads the upgraded code."""
    process = run_uv(root, "run", "--no-sync", "manage", "doctor")
    typer.echo(process.stdout)
    if process.returncode:
        typer.echo(process.stderr, err=True)
        raise CommandError(
            "The project is upgraded, but `manage doctor` found errors (above): fix them and run it"
            " again, or undo the upgrade with `manage upgrade --abort`"
        )
