"""Tenancy is turned on in a project that has users, resources of its own and rows in the database."""

from pathlib import Path
from typing import Any

import pytest
from copier import run_copy, run_update

from tests.conversations import Conversation, Person, join, log_in
from tests.projects import Project
from tests.renderings import copy_checkout, git
from tests.stacks import Stack, each

SAMPLE = Path(__file__).parent / "samples" / "orders"
BEFORE = [
    Stack("async", "per-entity", "alembic", False, "jwt"),
    Stack("sync", "per-layer", "dbmate", False, "session"),
]


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Path:
    """The template with a version, as a release has one."""
    target = tmp_path / "template"
    copy_checkout(checkout, target)
    git(target, "tag", "v0.0.1")
    return target


@each(BEFORE)
def test_turned_on(stack: Stack, template: Path, workshop: Path, tmp_path: Path) -> None:
    project = born(stack, template, tmp_path)
    project.sync(workshop)
    add_orders(project, stack)
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "migrate", "create", "-m", "orders")
    with project.served() as server, Conversation(server) as talk:
        ann = join(talk, stack, "ann@example.org")
        before = write(ann)
        server.stop()
    yours = files_of_the_team(project)
    git(project.path, "add", "--all")
    git(project.path, "commit", "--quiet", "--message", "Orders")

    turn_on(project)

    assert files_of_the_team(project) == yours
    assert git(project.path, "ls-files", "--unmerged") == ""
    project.uv_run("manage", "migrate", "apply")
    with pytest.raises(AssertionError, match="orders lacks tenant_id"):
        project.uv_run("manage", "run", "--no-reload")
    project.uv_run("manage", "migrate", "create", "-m", "tenants")
    project.uv_run("manage", "migrate", "apply")
    assert "no migration is needed" in project.uv_run("manage", "migrate", "create", "-m", "more")
    many = stack.but(multi_tenancy=True)
    with project.served() as server, Conversation(server) as talk:
        ann = log_in(talk, "ann@example.org", "default")
        assert read(ann) == before
        order = ann.say("POST", "/orders", 201, json={"number": "A2"})
        eve = join(talk, many, "eve@example.org", "Evil")
        assert [page["total"] for page in read(eve)] == [0, 0, 0]
        assert eve.say("GET", "/orders", 200, params={"number__contains": "A"})["total"] == 0
        eve.say("POST", "/order-lines", 409, json={"order_id": order["id"], "code": "L1"})
        assert eve.say("POST", "/orders", 201, json={"number": "A2"})["number"] == "A2"
        server.stop()
    project.uv_run("pytest", "--quiet")


def born(stack: Stack, template: Path, tmp_path: Path) -> Project:
    """A committed project."""
    path = tmp_path / "project"
    run_copy(str(template), path, stack.answers, defaults=True, quiet=True, vcs_ref="HEAD")
    project = Project(path)
    git(path, "init", "--quiet")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", "Start")
    return project


def add_orders(project: Project, stack: Stack) -> None:
    folder = project.path / "app" / "orders"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for source in SAMPLE.iterdir():
        text = source.read_text()
        if stack.concurrency == "sync":
            text = text.replace("async ", "").replace("await ", "")
        (folder / source.stem).write_text(text)
    registries = ("models.py", "routes.py")
    if stack.layout == "per-layer":
        registries = ("models/__init__.py", "routes/__init__.py")
    lines = (
        "from app.orders.models import Line, Order  # noqa: E402, F401\n",
        "from app.orders.routes import router as orders  # noqa: E402\n\nrouters.append(orders)\n",
    )
    for registry, line in zip(registries, lines, strict=True):
        with (project.path / "app" / registry).open("a") as file:
            file.write(line)


def files_of_the_team(project: Project) -> dict[str, bytes]:
    """The resources, the example included, and the migrations."""
    names = git(project.path, "ls-files", "--cached", "--others", "--exclude-standard").split()
    return {
        name: (project.path / name).read_bytes()
        for name in names
        if name.startswith("migrations/app/") or "article" in name or "orders" in name
    }


def write(person: Person) -> list[Any]:
    """Rows of every resource; what the lists show of them."""
    person.say("POST", "/articles", 201, json={"title": "Old", "content": "Text"})
    order = person.say("POST", "/orders", 201, json={"number": "A1"})
    line = {"order_id": order["id"], "code": "L1"}
    parent = person.say("POST", "/order-lines", 201, json=line)
    child = line | {"code": "L2", "parent_id": parent["id"]}
    person.say("POST", "/order-lines", 201, json=child)
    return read(person)


def read(person: Person) -> list[Any]:
    return [person.say("GET", path, 200) for path in ("/articles", "/orders", "/order-lines")]


def turn_on(project: Project) -> None:
    run_update(
        project.path,
        data={"multi_tenancy": True},
        defaults=True,
        overwrite=True,
        quiet=True,
        unsafe=False,
    )
