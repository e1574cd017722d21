"""`python -m releasing` in scratch repositories, and the releases of this repository."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from releasing import changelog, releases
from releasing.record import find_problems
from tests.conftest import REPOSITORY
from tests.support.renderings import git
from tests.support.scratch_repository import GREEN, RED, ScratchRepository


@pytest.fixture
def scratch(tmp_path: Path) -> ScratchRepository:
    return ScratchRepository(tmp_path / "scratch")


def test_release(scratch: ScratchRepository) -> None:
    done = scratch.release("0.1.0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("1 passed, 2 deselected") == 2
    assert "git push --atomic origin main v0.1.0" in done.stdout

    (first,) = releases.read(scratch.path)
    assert git(scratch.path, "rev-parse", "v0.1.0^{commit}").strip() == first.commit
    assert git(scratch.path, "cat-file", "-t", "v0.1.0") == "tag\n"
    subjects = git(scratch.path, "log", "--format=%s").splitlines()
    assert subjects == ["List release 0.1.0", "Release 0.1.0", "Start"]
    assert git(scratch.path, "status", "--porcelain") == ""
    today = datetime.now(UTC).date()
    heading = f"## [Unreleased]\n\n## [0.1.0] - {today}\n\n### Added\n"
    assert heading in (scratch.path / changelog.NAME).read_text()
    assert find_problems(scratch.path) == []

    news = "## [Unreleased]\n\n- More.\n\n### When you upgrade\n\n- Run it.\n\n### Fixed\n"
    scratch.edit(changelog.NAME, "## [Unreleased]\n", news)
    scratch.commit("More")
    done = scratch.release("v0.2.0-rc.1")
    assert done.returncode == 0, done.stderr
    assert [str(release) for release in releases.read(scratch.path)] == ["v0.1.0", "v0.2.0rc1"]
    assert find_problems(scratch.path) == []
    git(scratch.path, "checkout", "--quiet", "v0.2.0rc1")
    assert find_problems(scratch.path) == []


def change_nothing(_scratch: ScratchRepository) -> None:
    pass


def commit_edit(name: str, old: str, new: str) -> Callable[[ScratchRepository], None]:
    """Return a function that commits an edit."""

    def spoil(scratch: ScratchRepository) -> None:
        scratch.edit(name, old, new)
        scratch.commit("Spoil")

    return spoil


def run_git(*arguments: str) -> Callable[[ScratchRepository], None]:
    return lambda scratch: print(git(scratch.path, *arguments))


LISTED = f"- version: 0.1.0\n  commit: {'1' * 40}\n"
REFUSED: dict[str, tuple[str, Callable[[ScratchRepository], None], str]] = {
    "no version": ("one", change_nothing, "one is not a final version or a pre-release (PEP 440)"),
    "development": (
        "0.1.0.dev1",
        change_nothing,
        "0.1.0.dev1 is not a final version",
    ),
    "post-release": ("0.1.0.post1", change_nothing, "0.1.0.post1 is not a final version"),
    "local": ("0.1.0+mine", change_nothing, "is not a final version"),
    "epoch": ("1!0.1.0", change_nothing, "is not a final version"),
    "not newer": (
        "0.1.0rc1",
        commit_edit(releases.NAME, "# None yet.\n", LISTED),
        "0.1.0rc1 is not newer than 0.1.0, the last release",
    ),
    "same again": (
        "0.1.0",
        commit_edit(releases.NAME, "# None yet.\n", LISTED),
        "0.1.0 is not newer than 0.1.0, the last release",
    ),
    "tagged": ("0.1.0", run_git("tag", "v0.1.0"), "the tag v0.1.0 already exists"),
    "branch": (
        "0.1.0",
        run_git("switch", "--create", "topic"),
        "the current branch is topic: check out main",
    ),
    "detached": (
        "0.1.0",
        run_git("checkout", "--detach"),
        "the current branch is detached: check out main",
    ),
    "edit": (
        "0.1.0",
        lambda scratch: scratch.edit(changelog.NAME, "Something", "Something else"),
        "CHANGELOG.md has uncommitted changes",
    ),
    "new file": (
        "0.1.0",
        lambda scratch: scratch.write("notes.txt", ""),
        "notes.txt has uncommitted changes",
    ),
    "no changelog entry": (
        "0.1.0",
        commit_edit(changelog.NAME, "- Something.\n", ""),
        "CHANGELOG.md has no changes under [Unreleased]",
    ),
    "nothing unreleased": (
        "0.1.0",
        commit_edit(changelog.NAME, "## [Unreleased]\n", "## [Unreleased]\n\n## [0.0.1]\n"),
        "CHANGELOG.md has no changes under [Unreleased]",
    ),
    "no note": (
        "0.1.0",
        commit_edit(changelog.NAME, "### When you upgrade\n", "### Fixed\n"),
        "CHANGELOG.md has no text under `### When you upgrade`",
    ),
    "empty note": (
        "0.1.0",
        commit_edit(changelog.NAME, "- Nothing to do.\n", ""),
        "CHANGELOG.md has no text under `### When you upgrade`",
    ),
    "broken list": (
        "0.2.0",
        commit_edit(releases.NAME, "# None yet.\n", LISTED),
        "CHANGELOG.md has the versions [], releases.yml has ['0.1.0']",
    ),
    "red": (
        "0.1.0",
        commit_edit("tests/test_planted.py", GREEN, RED),
        "the update tests failed",
    ),
    "red on further stacks": (
        "0.1.0",
        commit_edit("tests/test_planted.py", "assert True", "assert False"),
        "the exhaustive tests failed",
    ),
    "no exhaustive tests": (
        "0.1.0",
        commit_edit("tests/test_planted.py", "@pytest.mark.exhaustive\n", ""),
        "the exhaustive tests failed",
    ),
    "no update tests": (
        "0.1.0",
        commit_edit("tests/test_planted.py", "@pytest.mark.update\n", ""),
        "the update tests failed",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_change_nothing(case: str, scratch: ScratchRepository) -> None:
    version, spoil, sentence = REFUSED[case]
    spoil(scratch)
    before = scratch.state()
    done = scratch.release(version)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert scratch.state() == before


MEANWHILE = {
    "edit": ("touch notes.txt", "notes.txt has uncommitted changes"),
    "commit": ("git commit --quiet --allow-empty -m New", "another commit is checked out"),
}


@pytest.mark.parametrize("work", MEANWHILE)
def test_work_done_during_the_tests_stays(work: str, scratch: ScratchRepository) -> None:
    command, sentence = MEANWHILE[work]
    works = f"subprocess.run({command!r}, shell=True, cwd={str(scratch.path)!r}, check=True)"
    scratch.edit("tests/test_planted.py", "import pytest\n", f"import pytest\n\n{works}\n")
    scratch.commit("Work")
    done = scratch.release("0.1.0")
    assert done.returncode == 1
    assert sentence in done.stderr
    assert (scratch.path / "notes.txt").exists() == (work == "edit")
    subject = git(scratch.path, "log", "-1", "--format=%s").strip()
    assert subject == ("New" if work == "commit" else "Work")


def test_failure_on_the_way_takes_all_back(scratch: ScratchRepository) -> None:
    """Let a hook reject the second of the two commits."""
    hook = scratch.path / ".git" / "hooks" / "commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n! grep -q '^List' \"$1\" || { echo Hooked >&2; exit 1; }\n")
    hook.chmod(0o755)
    before = scratch.state()
    done = scratch.release("0.1.0")
    assert done.returncode == 1
    assert "Not released: git commit: Hooked." in done.stderr
    assert scratch.state() == before


def test_record_of_this_repository() -> None:
    assert find_problems(REPOSITORY) == []


def test_broken_records_are_found(scratch: ScratchRepository) -> None:
    done = scratch.release("0.1.0")
    assert done.returncode == 0, done.stderr
    good = (scratch.path / releases.NAME).read_text()
    (release,) = releases.read(scratch.path)
    start = git(scratch.path, "rev-list", "--max-parents=0", "HEAD").strip()
    for text, sentence in {
        "# None.\n": "CHANGELOG.md has the versions ['0.1.0'], releases.yml has []",
        good.replace(release.commit, "1" * 40): "which has no CHANGELOG.md in this clone",
        good.replace(release.commit, start): "v0.1.0 has no note on upgrading",
        good + good: "0.1.0 is listed after 0.1.0",
    }.items():
        scratch.write(releases.NAME, text)
        assert sentence in "\n".join(find_problems(scratch.path))
    scratch.write(releases.NAME, good)
    git(scratch.path, "tag", "--force", "v0.1.0", "HEAD")
    assert (
        f"v0.1.0 is commit {release.commit} in releases.yml, but" in find_problems(scratch.path)[0]
    )
