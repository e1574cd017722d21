"""The checks before a release."""

from contextlib import suppress
from pathlib import Path

from packaging.version import InvalidVersion, Version

from releasing import changelog, releases
from releasing.record import find_problems
from releasing.repository import ReleaseError, git

BRANCH = "main"


def parse_version(text: str) -> Version:
    """Parse a final version or a pre-release.

    Raises ReleaseError for any other text.
    """
    with suppress(InvalidVersion):
        version = Version(text)
        if not (version.is_devrelease or version.is_postrelease or version.local or version.epoch):
            return version
    raise ReleaseError(f"{text} is not a final version or a pre-release (PEP 440)")


def reject_taken(repository: Path, version: Version) -> None:
    """Reject a version that is not newer than all others, because tags never move."""
    listed = releases.read(repository)
    if listed and version <= listed[-1].version:
        raise ReleaseError(f"{version} is not newer than {listed[-1].version}, the last release")
    if git(repository, "tag", "--list", f"v{version}"):
        raise ReleaseError(
            f"the tag v{version} already exists, and tags never move: use a newer version"
        )


def reject_other_state(repository: Path) -> None:
    """Reject uncommitted changes, and any branch but the main one."""
    branch = git(repository, "branch", "--show-current")
    if branch != BRANCH:
        raise ReleaseError(f"the current branch is {branch or 'detached'}: check out {BRANCH}")
    if changed := git(repository, "status", "--porcelain").splitlines():
        raise ReleaseError(f"{changed[0][3:]} has uncommitted changes: commit or remove it")


def reject_moved(repository: Path, tested: str) -> None:
    """Reject a commit other than the tested one."""
    if git(repository, "rev-parse", "HEAD") != tested:
        raise ReleaseError(f"{tested} was tested, but another commit is checked out: start again")


def reject_undocumented(repository: Path) -> None:
    """Reject a changelog without changes or without a note on upgrading."""
    text = (repository / changelog.NAME).read_text(encoding="utf-8")
    section = changelog.parse_sections(text).get(changelog.UNRELEASED, "")
    if not changelog.get_changes(section):
        raise ReleaseError(f"{changelog.NAME} has no changes under [{changelog.UNRELEASED}]")
    if not changelog.get_note(section):
        raise ReleaseError(
            f"{changelog.NAME} has no text under `{changelog.NOTE.strip()}` of"
            f" [{changelog.UNRELEASED}]: say what to do, or that there is nothing to do"
        )


def reject_broken_record(repository: Path) -> None:
    """Reject a list of releases that disagrees with the history or the changelog."""
    if problems := find_problems(repository):
        raise ReleaseError(problems[0])
