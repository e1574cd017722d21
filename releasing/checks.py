"""Conditions for a release."""

from contextlib import suppress
from pathlib import Path

from packaging.version import InvalidVersion, Version

from releasing import changelog, releases
from releasing.record import problems
from releasing.repository import RefusalError, git

BRANCH = "main"


def parse(text: str) -> Version:
    """Parse a version that is final or a pre-release."""
    with suppress(InvalidVersion):
        version = Version(text)
        if not (version.is_devrelease or version.is_postrelease or version.local or version.epoch):
            return version
    raise RefusalError(f"{text} is no version of PEP 440 that is final or a pre-release")


def reject_taken(repository: Path, version: Version) -> None:
    """Stop at a version that is not newer than all others; tags never move."""
    listed = releases.read(repository)
    if listed and version <= listed[-1].version:
        raise RefusalError(f"{version} is not newer than {listed[-1].version}, the last release")
    if git(repository, "tag", "--list", f"v{version}"):
        raise RefusalError(f"the tag v{version} exists, and tags never move: take a newer version")


def reject_other_state(repository: Path) -> None:
    """Stop at a tree that is not what is committed on the main branch."""
    branch = git(repository, "branch", "--show-current")
    if branch != BRANCH:
        raise RefusalError(f"releases are cut on {BRANCH}, and this is {branch or 'no branch'}")
    if changed := git(repository, "status", "--porcelain").splitlines():
        raise RefusalError(f"{changed[0][3:]} is not committed")


def reject_moved(repository: Path, tested: str) -> None:
    """Stop where another commit was tested than is checked out now."""
    if git(repository, "rev-parse", "HEAD") != tested:
        raise RefusalError(f"another commit is checked out than {tested}, which was tested")


def reject_untold(repository: Path) -> None:
    """Stop at a changelog that says nothing of what is new, or nothing to those who upgrade."""
    text = (repository / changelog.NAME).read_text(encoding="utf-8")
    section = changelog.sections(text).get(changelog.UNRELEASED, "")
    if not changelog.changes(section):
        raise RefusalError(f"{changelog.NAME} has nothing under [{changelog.UNRELEASED}]")
    if not changelog.note(section):
        raise RefusalError(
            f"{changelog.NAME} has nothing under `{changelog.NOTE.strip()}` of"
            f" [{changelog.UNRELEASED}]: say what to do, or that nothing is to be done"
        )


def reject_broken_record(repository: Path) -> None:
    """Stop where the list of releases does not agree with the history or the changelog."""
    if found := problems(repository):
        raise RefusalError(found[0])
