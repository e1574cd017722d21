"""`copier update` on edited projects keeps the team's edits and brings the news."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.ownership import entry_of
from tests.support.releases import (
    NEXT,
    GitProject,
    Template,
    ThinTemplate,
    classes,
    comment,
    copier,
    is_changeable,
)
from tests.support.stacks import OPPOSITES, Stack, each

pytestmark = pytest.mark.update

SETTLED = {
    "layout=per-layer": "layout stays per-entity",
    "concurrency=sync": "concurrency stays async",
    "migrations=dbmate": "migrations stays alembic",
    "example=false": "example stays true",
}


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    return Template(checkout, tmp_path / "template")


@pytest.fixture
def thin_template(checkout: Path, tmp_path: Path) -> Template:
    return ThinTemplate(checkout, tmp_path / "template")


class TestAnswers:
    @pytest.mark.parametrize("data", SETTLED)
    def test_settled_at_birth(self, data: str, thin_template: Template, tmp_path: Path) -> None:
        project = GitProject.create(thin_template, tmp_path / "project", OPPOSITES[0].answers)
        before = project.files()
        done = copier(project.path, "update", "--defaults", "--data", data)
        assert done.returncode == 1
        assert SETTLED[data] in done.stderr
        assert "Traceback" not in done.stderr
        assert project.files() == before

    def test_tenancy_is_never_turned_off(self, thin_template: Template, tmp_path: Path) -> None:
        project = GitProject.create(thin_template, tmp_path / "project", OPPOSITES[1].answers)
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
    def test_edits_and_deletions_last(
        self, stack: Stack, template: Template, tmp_path: Path
    ) -> None:
        project = GitProject.create(template, tmp_path / "project", stack.answers)
        yours = [
            name for name in project.files() if entry_of(name) in classes(template.path)["owned"]
        ]
        assert len(yours) > 10
        for name, text in project.files().items():
            if text and is_changeable(Path(name)):
                path = project.path / name
                path.write_bytes(text + comment(path, f"edited: {name}\n").encode())
        for name in (*yours[::3], "app/emails.py", "tests/core/test_mail.py"):
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
            if text and is_changeable(Path(name)):
                is_vendored = name.startswith(".chassis/")
                assert (f"edited: {name}".encode() in after[name]) != is_vendored, name
                assert (b"of the next release" in after[name]) == (name not in yours), name


# Both sides add lines: the team after an anchor, the template before it.
GROWTH = {
    ".env.example": ("# Your own variables follow\n", "#OURS=1\n", "#THEIRS=1\n"),
    ".github/workflows/upgrade.yml": (
        "      # Your steps follow\n",
        "      - run: echo ours\n",
        "      - run: echo theirs\n",
    ),
    ".gitignore": ("# Add your own below.\n", "ours/\n", "theirs/\n"),
    "app/dependencies.py": ("# Your dependencies follow.\n", "OURS = 1\n", "THEIRS = 1\n"),
    "app/users/models.py": (
        "    # Your columns follow.\n",
        "    nickname: Mapped[str | None]\n",
        "    locale: Mapped[str | None]\n",
    ),
}
TEMPLATES = {
    "app/users/models.py": "{{ at.user.models }}.py",
    "app/dependencies.py": "dependencies.py.jinja",
}


def test_both_sides_grow(template: Template, tmp_path: Path) -> None:
    project = GitProject.create(template, tmp_path / "project", OPPOSITES[0].answers)
    for name, (anchor, ours, theirs) in GROWTH.items():
        project.append(name, ours, after=anchor)
        template.edit(TEMPLATES.get(name, f"/{name}"), anchor, theirs + anchor)
    uv_add(project, "attrs")
    template.edit("requirements.jinja", "- structlog>=26.1", "- structlog>=26.0")
    template.edit("requirements.jinja", "- anyio>=4.12", "- attrs>=20\n- anyio>=4.12")
    project.commit("Growth")
    template.release(NEXT)
    project.run()

    assert project.conflicts() == []
    after = project.files()
    for name, (anchor, ours, theirs) in GROWTH.items():
        assert theirs + anchor + ours in after[name].decode(), name
    dependencies = tomllib.loads(after["pyproject.toml"].decode())["project"]["dependencies"]
    assert dependencies[-3:-1] == ["attrs>=20", "anyio>=4.12"]
    assert dependencies[-1].startswith("attrs>=")
    assert "structlog>=26.0" in dependencies


def uv_add(project: GitProject, name: str) -> None:
    subprocess.run(["uv", "add", "--quiet", "--no-sync", name], cwd=project.path, check=True)
