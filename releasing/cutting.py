"""Releases: two commits and a tag, all or none."""

from datetime import UTC, datetime
from pathlib import Path

from packaging.version import Version

from releasing import changelog, checks, releases
from releasing.rehearsal import reject_failing_tests
from releasing.releases import Release
from releasing.repository import git


def cut_release(repository: Path, text: str) -> Release:
    """Release the current commit if all checks pass."""
    version = checks.parse_version(text)
    checks.reject_taken(repository, version)
    checks.reject_other_state(repository)
    checks.reject_undocumented(repository)
    checks.reject_broken_record(repository)
    tested = git(repository, "rev-parse", "HEAD")
    reject_failing_tests(repository)
    checks.reject_other_state(repository)  # The tests take minutes, so check again.
    checks.reject_moved(repository, tested)
    checks.reject_taken(repository, version)
    return write_release(repository, version, tested)


def write_release(repository: Path, version: Version, tested: str) -> Release:
    """Commit, tag and list the release; undo all of it on a failure."""
    tag = f"v{version}"
    try:
        date_changelog(repository, version)
        git(repository, "commit", "--quiet", "--all", "--message", f"Release {version}")
        release = Release(version, git(repository, "rev-parse", "HEAD"))
        git(repository, "tag", "--annotate", "--message", f"Release {version}", release.tag)
        releases.append(repository, release)
        git(repository, "commit", "--quiet", "--all", "--message", f"List release {version}")
    except BaseException:
        if git(repository, "tag", "--list", tag):
            git(repository, "tag", "--delete", tag)
        git(repository, "reset", "--quiet", "--hard", tested)
        raise
    return release


def date_changelog(repository: Path, version: Version) -> None:
    """Turn the unreleased section of the changelog into that of the version."""
    path = repository / changelog.NAME
    text = path.read_text(encoding="utf-8")
    today = datetime.now(UTC).date()
    path.write_text(changelog.add_release(text, version, today), encoding="utf-8")
