"""`copier update` on edited projects: nothing of the team's is lost, and what is new arrives."""

from pathlib import Path

import pytest

from tests.releases import NEXT, UNCOMMENTED, Template, Update, classes, comment, copier
from tests.stacks import OPPOSITES, Stack, each
from tests.test_ownership import entry_of

SETTLED = {
    "layout=per-layer": "layout stays per-entity",
    "concurrency=sync": "concurrency stays async",
    "migrations=dbmate": "migrations stays alembic",
    "example=false": "example stays true",
}


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    return Template(checkout, tmp_path / "template")


class TestAnswers:
    @pytest.mark.parametrize("data", SETTLED)
    def test_settled_at_birth(self, data: str, template: Template, tmp_path: Path) -> None:
        project = Update.born(template, tmp_path / "project", OPPOSITES[0].answers)
        before = project.files()
        done = copier(project.path, "update", "--defaults", "--data", data)
        assert done.returncode == 1
        assert SETTLED[data] in done.stderr
        assert "Traceback" not in done.stderr
        assert project.files() == before

    def test_tenancy_is_never_turned_off(self, template: Template, tmp_path: Path) -> None:
        project = Update.born(template, tmp_path / "project", OPPOSITES[1].answers)
        done = copier(project.path, "update", "--defaults", "--data", "multi_tenancy=false")
        assert done.returncode == 1
        assert (
            "multi_tenancy stays true in this project: it can be turned on, not off" in done.stderr
        )

    def test_copy_warns_of_nothing(self, template: Template, tmp_path: Path) -> None:
        done = copier(
            tmp_path, "copy", "--defaults", "--data", "layout=per-layer", str(template.path), "new"
        )
        assert done.returncode == 0
        assert "Warning" not in done.stderr


@each(OPPOSITES)
class TestNextRelease:
    def test_clean_project_is_as_a_fresh_one(
        self, stack: Stack, template: Template, tmp_path: Path
    ) -> None:
        project = Update.born(template, tmp_path / "project", stack.answers)
        before = project.files()
        template.head_every_file("of the next release")
        template.release(NEXT)
        project.run()

        fresh = Update.born(template, tmp_path / "fresh", stack.answers, NEXT)
        yours = {name for name in before if entry_of(name) in classes(template)["yours"]}
        updated = {name: text for name, text in project.files().items() if name not in yours}
        assert updated == {name: text for name, text in fresh.files().items() if name not in yours}
        assert project.conflicts() == []
        changed = {name for name, text in project.files().items() if text != before[name]}
        empty = {name for name, text in before.items() if not text}
        assert changed == before.keys() - yours - empty - {"manage/ownership.json"}

    def test_edits_and_deletions_last(
        self, stack: Stack, template: Template, tmp_path: Path
    ) -> None:
        project = Update.born(template, tmp_path / "project", stack.answers)
        yours = [name for name in project.files() if entry_of(name) in classes(template)["yours"]]
        assert len(yours) > 10
        for name, text in project.files().items():
            if text and name not in UNCOMMENTED:
                path = project.path / name
                path.write_bytes(text + comment(path, f"edited: {name}\n").encode())
        for name in yours[::3]:
            (project.path / name).unlink()
        project.commit("Edits")
        edited = project.files()

        template.head_every_file("of the next release")
        template.release(NEXT)
        project.run()

        after = project.files()
        assert project.conflicts() == []
        assert after.keys() == edited.keys()
        assert {name: after[name] for name in yours if name in edited} == {
            name: edited[name] for name in yours if name in edited
        }
        for name, text in edited.items():
            if text and name not in UNCOMMENTED:
                assert f"edited: {name}".encode() in after[name], name
                assert (b"of the next release" in after[name]) == (name not in yours), name
