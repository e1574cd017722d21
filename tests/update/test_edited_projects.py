"""Updates of projects with years of edits keep code, behaviour and rows."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from chassis_tools.upgrading.files import Owner, find_conflicts, find_owner
from chassis_tools.upgrading.repository import Repository

from tests.support.api_session import ApiSession, ApiUser, log_in, register
from tests.support.checks import check_style, check_types, run_own_tests
from tests.support.grown_project import grow
from tests.support.history import RELEASES, WORKING_TREE, History
from tests.support.projects import Project
from tests.support.questions import load_config
from tests.support.releases import GitProject
from tests.support.renderings import git
from tests.support.stacks import COVERING_WITH_EXAMPLE, OPPOSITES, OTHER_OPPOSITES, Stack, each
from tests.support.team_edits import MAY_CONFLICT, REFORMATTED, Edits

pytestmark = pytest.mark.update

VERSIONS = [release.tag for release in RELEASES] or [WORKING_TREE]
NEXT = "v9999.1"
# tests/scaffold/test_resources.py runs the leak tests; here they would take half of the time.
NO_LEAKS = "--ignore=tests/core/tenancy/test_leaks.py"


@pytest.fixture
def template(history: History) -> History:
    """Return all releases, and as the next one the working tree with a change in each file."""
    history.head_every_file("of the next release")
    history.release(NEXT)
    return history


@each(OTHER_OPPOSITES[1:], exhaustive=COVERING_WITH_EXAMPLE)
@pytest.mark.parametrize("version", VERSIONS)
def test_each_release(stack: Stack, version: str, template: History, tmp_path: Path) -> None:
    """Updates lose nothing, and an unedited project equals a fresh one except for the team's files.

    The lowest Copier that copier.yml accepts gives the same files as the newest.
    """
    clean, edited = (
        GitProject.create(template, tmp_path / name, stack.answers, version)
        for name in ("clean", "edited")
    )
    edits = Edits(edited, template)
    edits.make()
    low = GitProject(Path(shutil.copytree(edited.path, tmp_path / "low")))
    for project in (clean, edited):
        project.run(NEXT)
    low.run_command(load_config(template.path)["_min_copier_version"], NEXT)
    assert low.files() == edited.files()
    assert edits.losses() == []
    assert MAY_CONFLICT.issuperset(edited.conflicts())
    fresh = GitProject.create(template, tmp_path / "fresh", stack.answers, NEXT)
    assert clean.conflicts() == []
    assert template_files(clean, edits.owners) == template_files(fresh, edits.owners)


def template_files(project: GitProject, owners: dict[str, Owner]) -> dict[str, bytes]:
    files = project.files().items()
    return {name: text for name, text in files if find_owner(name, owners) != "owned"}


@each(OPPOSITES[1:], exhaustive=OPPOSITES + OTHER_OPPOSITES)
@pytest.mark.parametrize("version", dict.fromkeys([VERSIONS[0], VERSIONS[-1]]))
def test_edited_for_years(
    stack: Stack, version: str, template: History, shared_path: Path, tmp_path: Path
) -> None:
    """Updates lose nothing; only edits of the template's own lines may conflict."""
    repository = GitProject.create(template, tmp_path / "project", stack.answers, version)
    project = Project(repository.path)
    project.sync(shared_path)
    edits = Edits(repository, template)
    grow(project, edits, stack, keep_example=stack != OPPOSITES[1])
    edits.make()
    before = create_rows(project, stack)

    repository.run(NEXT)

    assert edits.losses() == []
    resolve_conflicts(repository)
    project.sync(shared_path)
    project.uv_run("manage", "migrate", "apply")
    assert "no migration is needed" in project.uv_run("manage", "migrate", "create", "-m", "more")
    assert read_rows(project, stack) == before
    check_style(project, *(f"--exclude={name}" for name in REFORMATTED))
    check_types(project, shared_path)
    run_own_tests(project, NO_LEAKS)


def create_rows(project: Project, stack: Stack) -> list[Any]:
    """Create rows of the kernel's and the team's tables and return the API's answers."""
    with project.serve() as server, ApiSession(server) as session:
        ann = register(session, stack, "ann@example.org", "Acme")
        shelf = ann.request("POST", "/shelves", 201, json={"label": "Top"})
        ann.request("POST", "/books", 201, json={"title": "Tea", "shelf_id": shelf["id"]})
        ann.request("PATCH", "/users/me", 200, json={"nickname": "Annie"})
        rows = read(ann)
        server.stop()
    return rows


def read_rows(project: Project, stack: Stack) -> list[Any]:
    """Log in after the update and return the same answers."""
    with project.serve() as server, ApiSession(server) as session:
        rows = read(log_in(session, "ann@example.org", "acme" if stack.multi_tenancy else ""))
        server.stop()
    return rows


def read(ann: ApiUser) -> list[Any]:
    return [ann.request("GET", path, 200) for path in ("/users/me", "/shelves", "/books")]


def resolve_conflicts(repository: GitProject) -> None:
    """Resolve every conflict with the team's version; `manage` must list them all."""
    asked = [conflict.path for conflict in find_conflicts(Repository(repository.path))]
    assert asked == repository.conflicts()
    assert MAY_CONFLICT.issuperset(asked)
    for name in asked:
        git(repository.path, "checkout", "--ours", "--", name)
    repository.commit("Update")
