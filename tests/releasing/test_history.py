"""The rebuilt history of releases, of a template with three files and of this repository."""

from pathlib import Path

import pytest
from packaging.version import Version

from releasing import releases
from releasing.releases import Release
from tests.support.history import RELEASES, WORKING_TREE, History
from tests.support.releases import GitProject
from tests.support.renderings import git

pytestmark = pytest.mark.update

ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Return a template whose first commit is the release, with uncommitted edits."""
    path = tmp_path / "scratch"
    git(tmp_path, "init", "--quiet", str(path))
    write(path, {"copier.yml": "", ANSWERS_FILE: "{{ _copier_answers|to_yaml }}"})
    write(path, {"old.txt": "old\n", "kept.txt": "1\n2\n3\n", "retired.txt": "retired\n"})
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", "First")
    write(path, {"kept.txt": "1\n2\n3\n4\n"})
    git(path, "commit", "--quiet", "--all", "--message", "Second")
    (path / "retired.txt").unlink()
    write(path, {"new.txt": "new\n", "kept.txt": "1\n2\n3\n4\n5\n"})
    return path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


def first_release(repository: Path) -> Release:
    root = git(repository, "rev-list", "--max-parents=0", "HEAD").strip()
    return Release(Version("0.1.0"), root)


def test_update_from_a_release_to_the_working_tree(scratch: Path, tmp_path: Path) -> None:
    git(scratch, "tag", "v0.1.0", "HEAD")  # Only the list counts, not the tags of a clone.
    history = History(tmp_path / "history", scratch, [first_release(scratch)])
    project = GitProject.create(history, tmp_path / "project", {}, "v0.1.0")
    assert (project.path / "kept.txt").read_text() == "1\n2\n3\n"
    project.run("HEAD")

    after = project.files()
    assert after["kept.txt"] == b"1\n2\n3\n4\n5\n"
    assert {"new.txt", "old.txt"} < after.keys()
    assert "retired.txt" not in after
    assert f"_commit: {WORKING_TREE}" in after[".copier-answers.yml"].decode()
    assert git(history.path, "rev-list", "--count", "HEAD") == "3\n"


def test_missing_commit(scratch: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", scratch.as_uri(), str(shallow))
    with pytest.raises(LookupError, match=r"v0\.1\.0 is commit \w{40} .*`git fetch --unshallow`"):
        History(tmp_path / "history", shallow, [first_release(scratch)])


def test_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    listed = [Release(Version(text), "1" * 40) for text in ("0.1.0rc1", "0.1.0", "0.10")]
    (tmp_path / releases.NAME).write_text("# No release yet.\n")
    for release in listed:
        releases.append(tmp_path, release)
    assert releases.read(tmp_path) == listed


def test_releases_of_this_repository(history: History) -> None:
    assert git(history.path, "describe", "--tags", "HEAD").strip() == WORKING_TREE
    tags = set(git(history.path, "tag", "--list").split())
    assert tags == {WORKING_TREE, *(release.tag for release in RELEASES)}
