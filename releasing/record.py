"""The comparison of the list of releases with the history and the changelog."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from releasing import changelog, releases
from releasing.releases import Release
from releasing.repository import git, read_file_at


def find_problems(repository: Path) -> list[str]:
    """Return a sentence for each disagreement."""
    listed = releases.read(repository)
    text = (repository / changelog.NAME).read_text(encoding="utf-8")
    sections = changelog.parse_sections(text)
    problems = [*find_disorder(listed), *find_missing(repository, listed, sections)]
    for release in listed:
        problems.extend(check_release(repository, release))
    return problems


def find_disorder(listed: list[Release]) -> Iterator[str]:
    """Yield a problem for each version that is older than the one before."""
    for earlier, later in pairwise(listed):
        if later.version <= earlier.version:
            yield f"{later.version} is listed after {earlier.version}"


def find_missing(
    repository: Path, listed: list[Release], sections: dict[str, str]
) -> Iterator[str]:
    """Yield a problem if the list and the changelog have different versions."""
    versions = [str(release.version) for release in reversed(listed)]
    names = [name for name in sections if name != changelog.UNRELEASED]
    just_tagged = git(repository, "tag", "--points-at", "HEAD").split()
    if names and f"v{names[0]}" in just_tagged:  # A commit cannot list itself.
        versions = list(dict.fromkeys([names[0], *versions]))
    if names != versions:
        yield f"{changelog.NAME} has the versions {names}, {releases.NAME} has {versions}"


def check_release(repository: Path, release: Release) -> Iterator[str]:
    """Yield the problems of a release: commit, note on upgrading and tag."""
    text = read_file_at(repository, release.commit, changelog.NAME)
    if text is None:
        yield f"{release} is commit {release.commit}, which has no {changelog.NAME} in this clone"
        return
    section = changelog.parse_sections(text).get(str(release.version), "")
    if not changelog.get_note(section):
        yield f"{release} has no note on upgrading"
    if not git(repository, "tag", "--list", release.tag):
        return
    tagged = git(repository, "rev-list", "--max-count=1", f"refs/tags/{release}")
    if tagged != release.commit:
        yield f"{release} is commit {release.commit} in {releases.NAME}, but its tag is {tagged}"
