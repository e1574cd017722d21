"""A release: two commits and a tag, all or none."""

from datetime import UTC, datetime
from pathlib import Path

from packaging.version import Version

from releasing import changelog, checks, releases
from releasing.rehearsal import reject_red
from releasing.releases import Release
from releasing.repository import git


def cut(repository: Path, text: str) -> Release:
    """Release what is committed, if all that must hold does."""
    version = checks.parse(text)
    checks.reject_taken(repository, version)
    checks.reject_other_state(repository)
    checks.reject_untold(repository)
    checks.reject_broken_record(repository)
    tested = git(repository, "rev-parse", "HEAD")
    reject_red(repository)
    checks.reject_other_state(repository)  # The tests take minutes, in which people work.
    checks.reject_moved(repository, tested)
    checks.reject_taken(repository, version)
    return write(repository, version, tested)


def write(repository: Path, version: Version, tested: str) -> Release:
    """Commit, tag and list it; a failure leaves nothing of that."""
    tag = f"v{version}"
    try:
        tell(repository, version)
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


def tell(repository: Path, version: Version) -> None:
    """Make what is unreleased in the changelog that version's."""
    path = repository / changelog.NAME
    text = path.read_text(encoding="utf-8")
    today = datetime.now(UTC).date()
    path.write_text(changelog.released(text, version, today), encoding="utf-8")
