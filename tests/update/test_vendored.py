"""Vendored files after `copier update`: the release's version always wins whole."""

from pathlib import Path

import pytest

from tests.support.questions import load_config
from tests.support.releases import FIRST, NEXT, GitProject, Template, ThinTemplate
from tests.support.renderings import git

pytestmark = pytest.mark.update

EDITED = b"FIRST = 'ours'\n\nSECOND = 2\n"
EDITS = {
    "text": EDITED,
    "crlf": EDITED.replace(b"\n", b"\r\n"),
    "empty": b"",
    "binary": b"\0\xff",
    "executable": EDITED,
}
# The next release changes the first line of these, and leaves the others alone.
CHANGED = {f".chassis/changed_{name}.py": content for name, content in EDITS.items()}
STABLE = {f".chassis/stable_{name}.py": content for name, content in EDITS.items()}


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    """Two releases with vendored files."""
    template = ThinTemplate(checkout, tmp_path / "template")
    for name in (*CHANGED, *STABLE):
        template.add(name, "FIRST = 1\n\nSECOND = 2\n")
    git(template.path, "tag", "--delete", FIRST)
    template.release(FIRST)
    for name in CHANGED:
        template.edit(name, "FIRST = 1", "FIRST = 'theirs'")
    template.add(".chassis/added.py", "THEIRS = 1\n")
    template.release(NEXT)
    return template


@pytest.fixture
def project(template: Template, tmp_path: Path) -> GitProject:
    return GitProject.create(template, tmp_path / "project", {})


@pytest.fixture
def fresh(template: Template, tmp_path: Path) -> dict[str, bytes]:
    """Render the vendored files of the next release."""
    return get_vendored(GitProject.create(template, tmp_path / "fresh", {}, NEXT))


def get_vendored(project: GitProject) -> dict[str, bytes]:
    return {name: text for name, text in project.files().items() if name.startswith(".chassis/")}


def edit_all(project: GitProject) -> None:
    """Edit and add vendored files, and commit."""
    for name, content in (CHANGED | STABLE).items():
        (project.path / name).write_bytes(content)
        if "executable" in name:
            (project.path / name).chmod(0o755)
    (project.path / ".chassis/added.py").write_text("OURS = 1\n")
    project.append(".chassis/ownership.json", "\n")
    project.commit("Edit vendored files")


def test_release_wins(project: GitProject, fresh: dict[str, bytes]) -> None:
    """Replace the edited file even if the release did not change it."""
    edit_all(project)
    project.run()
    assert get_vendored(project) == fresh
    assert project.conflicts() == []
    assert not any((project.path / name).stat().st_mode & 0o111 for name in (*CHANGED, *STABLE))


def test_release_wins_with_the_lowest_copier(
    project: GitProject, fresh: dict[str, bytes], template: Template
) -> None:
    edit_all(project)
    project.run_command(load_config(template.path)["_min_copier_version"], NEXT)
    assert get_vendored(project) == fresh
    assert project.conflicts() == []


def test_attributes_of_the_project_do_not_matter(
    project: GitProject, fresh: dict[str, bytes]
) -> None:
    (project.path / ".chassis/.gitattributes").write_text("* diff\n")
    (project.path / ".gitattributes").unlink()
    project.commit("Change the attributes")  # Before files that they apply to.
    edit_all(project)
    project.run()
    assert get_vendored(project) == fresh
    assert project.conflicts() == []


def test_copier_keeps_deletions_modes_and_new_files(
    project: GitProject, fresh: dict[str, bytes]
) -> None:
    """The first two are for `manage upgrade` to restore."""
    (deleted, *_), (executable, *_) = CHANGED, STABLE
    (project.path / deleted).unlink()
    (project.path / executable).chmod(0o755)
    (project.path / ".chassis/notes.txt").write_text("ours")
    project.commit("Delete one file and make another executable")
    project.run()
    kept = {name: text for name, text in fresh.items() if name != deleted}
    assert get_vendored(project) == kept | {".chassis/notes.txt": b"ours"}
    assert (project.path / executable).stat().st_mode & 0o100
