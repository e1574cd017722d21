"""The checks of the update tests notice a release that breaks a rule."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.releases import NEXT, GitProject, Template, ThinTemplate
from tests.support.team_edits import Edits
from tests.update.test_update import uv_add

pytestmark = pytest.mark.update

Break = Callable[[Template], None]
ANCHOR = "# Your own variables follow\n"


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    return ThinTemplate(checkout, tmp_path / "template")


def edit_config(old: str, new: str) -> Break:
    def edit(template: Template) -> None:
        path = template.path / "copier.yml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return edit


def edit(name: str, old: str, new: str) -> Break:
    return lambda template: template.edit(name, old, new)


EXCLUDED = "_exclude: !include extensions/owned.yml\n"
SKIPPED = "_skip_if_exists: !include extensions/owned.yml\n"
LOSSES = {
    "nothing is excluded": (edit_config(EXCLUDED, ""), "tests/articles/test_routes.py came back"),
    "and nothing skipped": (edit_config(EXCLUDED + SKIPPED, ""), "README.md was written"),
    "a path is left out": (
        edit("owned.yml", "- /app/settings.py\n", ""),
        "app/settings.py was written",
    ),
    "all is brought": (
        edit("ownership.jinja", "path[1:] not in known", "true"),
        "tests/articles/test_routes.py came back",
    ),
}


@pytest.mark.parametrize("broken", LOSSES)
def test_loss_is_seen(broken: str, template: Template, tmp_path: Path) -> None:
    break_rule, loss = LOSSES[broken]
    project = GitProject.create(template, tmp_path / "project", {})
    edits = Edits(project, template)
    edits.make()
    template.head_every_file("of the next release")
    break_rule(template)
    template.release(NEXT)
    project.run()
    assert loss in edits.losses()


def test_line_where_the_team_writes_is_seen(template: Template, tmp_path: Path) -> None:
    project = GitProject.create(template, tmp_path / "project", {})
    project.append(".env.example", "#OURS=1\n", after=ANCHOR)
    project.commit("Edit")
    template.edit(".env.example", ANCHOR, f"{ANCHOR}#THEIRS=1\n")
    template.release(NEXT)
    project.run()
    assert project.conflicts() == [".env.example"]


def test_sorted_dependencies_are_seen(template: Template, tmp_path: Path) -> None:
    template.edit("pyproject.toml.jinja", "in requirements %}", "in requirements | sort %}")
    template.release("v0.0.1.post1")
    project = GitProject.create(template, tmp_path / "project", {}, "v0.0.1.post1")
    uv_add(project, "httpx")
    project.commit("A package between others")
    template.edit("requirements.jinja", "- idna>=3.10", "- idna>=3.11")
    template.edit("requirements.jinja", ">=0.165,<1", ">=0.165.1,<1")
    template.release(NEXT)
    project.run()
    assert project.conflicts() == ["pyproject.toml"]
