"""One release with all kinds of changes, for projects with edits."""

from pathlib import Path

import pytest
from chassis_tools.upgrading.files import find_conflicts, restore_edited
from chassis_tools.upgrading.repository import Repository

from tests.support.releases import NEXT, GitProject, Template, ThinTemplate
from tests.support.renderings import git
from tests.support.stacks import OPPOSITES, Stack, each
from tests.support.team_edits import Edits

pytestmark = pytest.mark.update

CLOCK = '"""What time it is."""\n'
RETIRED = "tests/core/test_config.py"
MOVED = ("app/core/security", "app/core/secrecy")  # a whole folder
EDITED_IN_MOVED = f"{MOVED[0]}/tokens.py"
SUMMARY = """
summary:
  type: str
  help: What does it do, in one sentence?
  default: "{{ description | default(project_name) }}"
"""


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    return ThinTemplate(checkout, tmp_path / "template")


def change_template(template: Template) -> None:
    """Bump, change, add, move and delete files, and rename a question."""
    template.edit("requirements.jinja", "- structlog>=26.1", "- structlog>=26.2")
    template.edit("core/errors.py", "status = 500", "status = 599")
    template.edit("core/http/health.py.jinja", 'Literal["ok"]', 'Literal["ok", "ill"]')
    template.edit("core/logging.py", "import logging\n", "import logging\nimport time\n")
    template.edit("core/http/openapi.py", '"trace")', '"trace", "query")')
    for name in ("sundial", "time"):
        template.add(f"app/core/{name}.py", CLOCK)
    template.find("core/paths.py").rename(template.path / "template/app/core/places.py")
    folder = template.path / "template" / MOVED[0]
    folder.rename(template.path / "template" / MOVED[1])
    for name in ("test_config.py", "test_health.py.jinja"):
        template.find(f"core/{name}").unlink()
    rename_description(template)


def rename_description(template: Template) -> None:
    """Rename a question as docs/decisions/0010 describes."""
    path = template.path / "copier.yml"
    before, _, rest = path.read_text().partition("\ndescription:\n")
    _, heading, after = rest.partition("\n# Architecture")
    path.write_text(f"{before}{SUMMARY}{heading}{after.replace('(description)', '(summary)')}")
    template.edit("answers.jinja", "'project_name', 'description'", "'project_name', 'summary'")
    template.edit("README.md.jinja", "{{ description }}", "{{ summary }}")


@each(OPPOSITES)
def test_clean_project_is_as_a_fresh_one(stack: Stack, template: Template, tmp_path: Path) -> None:
    given = stack.answers | {"description": "It makes tea."}
    project = GitProject.create(template, tmp_path / "project", given)
    change_template(template)
    template.release(NEXT)
    project.run()

    fresh = GitProject.create(
        template, tmp_path / "fresh", stack.answers | {"summary": "It makes tea."}, NEXT
    )
    assert project.files() == fresh.files()
    moved = [path.name for path in (project.path / MOVED[1]).iterdir()]
    assert {"tokens.py", "passwords.py", "token_repository.py"} <= set(moved)
    assert not (project.path / MOVED[0]).exists()
    assert b"summary: It makes tea." in project.files()[".copier-answers.yml"]


@each(OPPOSITES)
def test_edited_project_keeps_what_is_its_own(
    stack: Stack, template: Template, tmp_path: Path
) -> None:
    project = GitProject.create(template, tmp_path / "project", stack.answers)
    edits = Edits(project, template)
    edits.write("app/core/sundial.py", '"""Our clock."""\n')
    edits.write("app/core/time.py", CLOCK)
    edits.edit("app/core/sundial.py")
    edits.edit(RETIRED)
    edits.edit(EDITED_IN_MOVED)
    edits.edit(
        "app/core/errors.py", line="    ours = 1", after='    code = "internal_server_error"\n'
    )
    edits.make()
    change_template(template)
    template.release(NEXT)
    project.run()

    after = project.files()
    assert list_conflicts(project) == project.conflicts() == ["app/core/sundial.py"]
    assert [loss.partition(" lost ")[0] for loss in edits.losses()] == [RETIRED, EDITED_IN_MOVED]
    assert b"status = 599" in after["app/core/errors.py"]
    assert b'Literal["ok", "ill"]' in after["app/core/http/health.py"]
    assert b"import time" in after["app/core/logging.py"]
    assert "app/core/places.py" in after
    assert {"app/core/paths.py", "tests/core/test_health.py"}.isdisjoint(after)
    assert b'"query")' in after["app/core/http/openapi.py"]

    repository = Repository(project.path)
    kept = restore_edited(
        repository, repository.list_changed(), lambda: render_again(stack, template, tmp_path)
    )
    assert sorted(conflict.path for conflict in kept) == sorted([RETIRED, EDITED_IN_MOVED])
    assert edits.losses() == []


def test_line_ends_of_another_system(template: Template, tmp_path: Path) -> None:
    """Git for Windows checks out CRLF unless a project configures line ends."""
    project = GitProject.create(template, tmp_path / "project", {})
    project.append("app/core/errors.py", "    # ours\n", after='"internal_server_error"\n')
    project.commit("Edit, two lines from where the template will")
    git(project.path, "config", "core.autocrlf", "true")
    git(project.path, "rm", "--quiet", "-r", ".")
    git(project.path, "reset", "--quiet", "--hard")
    template.edit("core/errors.py", "status = 500", "status = 599")
    template.release(NEXT)
    project.run()

    after = project.files()["app/core/errors.py"]
    assert b"# ours" in after
    assert b"status = 599" in after
    assert project.conflicts() == []


def list_conflicts(project: GitProject) -> list[str]:
    """Return the conflicts that `manage upgrade` and `manage doctor` report."""
    return [conflict.path for conflict in find_conflicts(Repository(project.path))]


def render_again(stack: Stack, template: Template, tmp_path: Path) -> Path:
    return GitProject.create(template, tmp_path / "again", stack.answers).path
