"""Check that the list of releases, the history and the changelog agree."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from releasing import changelog, releases
from releasing.releases import Release
from releasing.repository import file_at, git


def problems(repository: Path) -> list[str]:
    """List the disagreements, a sentence each."""
    listed = releases.read(repository)
    text = (repository / changelog.NAME).read_text(encoding="utf-8")
    found = [*disorder(listed), *disagreement(repository, listed, changelog.sections(text))]
    for release in listed:
        found.extend(broken(repository, release))
    return found


def disorder(listed: list[Release]) -> Iterator[str]:
    """Report versions that do not ascend."""
    for earlier, later in pairwise(listed):
        if later.version <= earlier.version:
            yield f"{later.version} is listed after {earlier.version}"


def disagreement(repository: Path, listed: list[Release], told: dict[str, str]) -> Iterator[str]:
    """Report versions that list and changelog do not have in the same order."""
    versions = [str(release.version) for release in reversed(listed)]
    names = [name for name in told if name != changelog.UNRELEASED]
    just_tagged = git(repository, "tag", "--points-at", "HEAD").split()
    if names and f"v{names[0]}" in just_tagged:  # A commit cannot list itself.
        versions = list(dict.fromkeys([names[0], *versions]))
    if names != versions:
        yield f"{changelog.NAME} tells of {names}, {releases.NAME} of {versions}"


def broken(repository: Path, release: Release) -> Iterator[str]:
    """Report a release whose commit is missing, tagged elsewhere or has no note."""
    text = file_at(repository, release.commit, changelog.NAME)
    if text is None:
        yield f"{release} is commit {release.commit}, which has no {changelog.NAME} in this clone"
        return
    section = changelog.sections(text).get(str(release.version), "")
    if not changelog.note(section):
        yield f"{release} says nothing to those who upgrade"
    if not git(repository, "tag", "--list", release.tag):
        return
    tagged = git(repository, "rev-list", "--max-count=1", f"refs/tags/{release}")
    if tagged != release.commit:
        yield f"{release} is commit {release.commit} in {releases.NAME}, and {tagged} by its tag"
