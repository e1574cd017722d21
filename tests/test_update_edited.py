"""Projects that a team has edited for years, updated: everything is there, works and has its rows."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from chassis_tools.upgrading.files import Owner, find_conflicts, find_owner
from chassis_tools.upgrading.repository import Repository

from tests.checks import check_style, check_types, run_own_tests
from tests.conversations import Conversation, Person, join, log_in
from tests.edits import MAY_CONFLICT, REFORMATTED, Edits
from tests.growth import grow
from tests.history import RELEASES, WORKING_TREE, History
from tests.projects import Project
from tests.questions import load_config
from tests.releases import Update
from tests.renderings import git
from tests.stacks import OPPOSITES, SPREAD, Stack, each

pytestmark = pytest.mark.update

VERSIONS = [release.tag for release in RELEASES] or [WORKING_TREE]
NEXT = "v9999.1"
# `test_resources.py` looks for leaks in what is made; here it would take half of the time.
NO_LEAKS = "--ignore=tests/core/test_leaks.py"


@pytest.fixture
def template(history: History) -> History:
    """All releases, and as the next one the working tree with a change in each file."""
    history.head_every_file("of the next release")
    history.release(NEXT)
    return history


@each(SPREAD[2:4])
@pytest.mark.parametrize("born", VERSIONS)
def test_each_release(stack: Stack, born: str, template: History, tmp_path: Path) -> None:
    """Nothing is lost; a project that nobody edited is as a fresh one, but for what is the team's.

    The lowest Copier that copier.yml accepts gives the same files as the newest.
    """
    clean, edited = (
        Update.born(template, tmp_path / name, stack.answers, born) for name in ("clean", "edited")
    )
    edits = Edits(edited, template)
    edits.make()
    low = Update(Path(shutil.copytree(edited.path, tmp_path / "low")))
    for project in (clean, edited):
        project.run(NEXT)
    low.run_command(load_config(template.path)["_min_copier_version"], NEXT)
    assert low.files() == edited.files()
    assert edits.losses() == []
    assert MAY_CONFLICT.issuperset(edited.conflicts())
    fresh = Update.born(template, tmp_path / "fresh", stack.answers, NEXT)
    assert clean.conflicts() == []
    assert of_the_template(clean, edits.owners) == of_the_template(fresh, edits.owners)


def of_the_template(project: Update, owners: dict[str, Owner]) -> dict[str, bytes]:
    files = project.files().items()
    return {name: text for name, text in files if find_owner(name, owners) != "owned"}


@each(OPPOSITES)
@pytest.mark.parametrize("born", dict.fromkeys([VERSIONS[0], VERSIONS[-1]]))
def test_edited_for_years(
    stack: Stack, born: str, template: History, workshop: Path, tmp_path: Path
) -> None:
    """Nothing is lost, and only edits of the template's own lines may need a decision."""
    update = Update.born(template, tmp_path / "project", stack.answers, born)
    project = Project(update.path)
    project.sync(workshop)
    edits = Edits(update, template)
    grow(project, edits, stack, keep_example=stack != OPPOSITES[1])
    edits.make()
    before = fill(project, stack)

    update.run(NEXT)

    assert edits.losses() == []
    decide(update)
    project.sync(workshop)
    project.uv_run("manage", "migrate", "apply")
    assert "no migration is needed" in project.uv_run("manage", "migrate", "create", "-m", "more")
    assert found(project, stack) == before
    check_style(project, *(f"--exclude={name}" for name in REFORMATTED))
    check_types(project, workshop)
    run_own_tests(project, NO_LEAKS)


def fill(project: Project, stack: Stack) -> list[Any]:
    """Rows of the kernel's and of the team's; what the API shows of them."""
    with project.served() as server, Conversation(server) as talk:
        ann = join(talk, stack, "ann@example.org", "Acme")
        shelf = ann.say("POST", "/shelves", 201, json={"label": "Top"})
        ann.say("POST", "/books", 201, json={"title": "Tea", "shelf_id": shelf["id"]})
        ann.say("PATCH", "/users/me", 200, json={"nickname": "Annie"})
        rows = read(ann)
        server.stop()
    return rows


def found(project: Project, stack: Stack) -> list[Any]:
    """The same, by whoever logs in after the update."""
    with project.served() as server, Conversation(server) as talk:
        rows = read(log_in(talk, "ann@example.org", "acme" if stack.multi_tenancy else ""))
        server.stop()
    return rows


def read(ann: Person) -> list[Any]:
    return [ann.say("GET", path, 200) for path in ("/users/me", "/shelves", "/books")]


def decide(update: Update) -> None:
    """Have the team's version where `manage` finds a decision to be due, which it does everywhere."""
    asked = [conflict.path for conflict in find_conflicts(Repository(update.path))]
    assert asked == update.conflicts()
    assert MAY_CONFLICT.issuperset(asked)
    for name in asked:
        git(update.path, "checkout", "--ours", "--", name)
    update.commit("Update")
