"""Answers are changed in projects with edits, users, resources of their own and rows in the database."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conversations import Conversation, Person, join, log_in
from tests.kernel_changes import ANCHOR, add_locale
from tests.projects import Project, Server
from tests.releases import NEXT, Template, Update
from tests.renderings import git
from tests.resources import CUSTOMER, ORDER, make
from tests.stacks import Stack, each
from tests.test_how_to import GUIDES, files_of

pytestmark = pytest.mark.update

ASYNC, SYNC = Stack(), Stack("sync", "per-layer", "dbmate", False, "session")
SAMPLE = Path(__file__).parent / "samples" / "orders"
EMAIL = "ann@example.org"
PATHS = ("/articles", "/customers", "/orders")
SAMPLE_PATHS = ("/articles", "/orders", "/order-lines")
# What protects tenants, where the team's tables have to fit in.
CORE = [f"tests/core/test_{name}.py" for name in ("row_security", "migrations")]
# A line of the kernel's and one of the team's to edit, near those that depend on the answers.
EDITS = {
    "app/core/config.py": ('"""', '"""Edited here. '),
    "app/auth/user_account_service.py": ("Request a new one.", "Request one from us."),
    "app/dependencies.py": (
        "# Your dependencies follow.\n",
        "# Your dependencies follow.\nPAGE_WIDTH = 80\n",
    ),
}


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    return Template(checkout, tmp_path / "template")


@each([ASYNC])
def test_auth_both_ways_and_tenants(
    stack: Stack, template: Template, workshop: Path, tmp_path: Path
) -> None:
    update = Update.born(template, tmp_path / "project", stack.answers)
    project = Project(update.path)
    project.sync(workshop)
    make(project, CUSTOMER, ORDER)
    edit(update)
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "migrate", "create", "-m", "nicknames")
    with project.served() as server, Conversation(server) as talk:
        ann = join(talk, stack, EMAIL)
        key = ann.say("POST", "/auth/api-keys", 201, json={"name": "robot"})["key"]
        before = write_made(ann)
        server.stop()
    update.commit("Resources and edits")

    add_locale(template)
    template.release(NEXT)
    update.run(auth="session")
    project.sync(workshop)
    with project.served() as server, Conversation(server) as talk:
        refuse(server, ann)
        ann = log_in(talk, EMAIL, "")
        assert [read(ann, *PATHS), read_by_key(server, key)] == [before, 200]
        server.stop()
    project.uv_run("pytest", "--quiet", "tests/auth/test_routes.py")
    update.commit("Session tokens")

    changes = ("--set", "auth=jwt", "--set", "multi_tenancy=true")
    project.uv_run("manage", "upgrade", *changes)
    give_tenants(project)
    with project.served() as server, Conversation(server) as talk:
        refuse(server, ann)
        assert read_by_key(server, key) == 401
        assert read(log_in(talk, EMAIL, "default"), *PATHS) == before
        eve = join(talk, stack.but(multi_tenancy=True), "eve@example.org", "Evil")
        assert [page["total"] for page in read(eve, *PATHS)] == [0, 0, 0]
        server.stop()
    make(project, ("invoice", "order:ref:order", "number:int,unique", "--owned"))
    own_tests = ("articles", "customers", "orders", "invoices", "auth", "users")
    project.uv_run("pytest", "--quiet", *(f"tests/{name}" for name in own_tests), *CORE)
    kept = update.files()
    for name, (_, text) in EDITS.items():
        assert text in kept[name].decode(), name


@each([SYNC])
def test_tenants_by_copier_alone(
    stack: Stack, template: Template, workshop: Path, tmp_path: Path
) -> None:
    add_locale(template)  # By a migration that comes behind the tenants', if they are there.
    template.release(NEXT)
    update = Update.born(template, tmp_path / "project", stack.answers, NEXT)
    project = Project(update.path)
    project.sync(workshop)
    add_orders(project, stack)
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "migrate", "create", "-m", "orders")
    with project.served() as server, Conversation(server) as talk:
        before = write(join(talk, stack, EMAIL))
        server.stop()
    yours = files_of_the_team(project)
    update.commit("Orders")

    update.run(multi_tenancy=True)

    assert files_of_the_team(project) == yours
    assert update.conflicts() == []
    project.uv_run("manage", "migrate", "apply")
    with pytest.raises(AssertionError, match="orders lacks tenant_id"):
        project.uv_run("manage", "run", "--no-reload")
    give_tenants(project)
    with project.served() as server, Conversation(server) as talk:
        ann = log_in(talk, EMAIL, "default")
        assert read(ann, *SAMPLE_PATHS) == before
        order = ann.say("POST", "/orders", 201, json={"number": "A2"})
        eve = join(talk, stack.but(multi_tenancy=True), "eve@example.org", "Evil")
        assert [page["total"] for page in read(eve, *SAMPLE_PATHS)] == [0, 0, 0]
        assert eve.say("GET", "/orders", 200, params={"number__contains": "A"})["total"] == 0
        eve.say("POST", "/order-lines", 409, json={"order_id": order["id"], "code": "L1"})
        assert eve.say("POST", "/orders", 201, json={"number": "A2"})["number"] == "A2"
        server.stop()
    project.uv_run("pytest", "--quiet", "tests/routes/test_article.py", *CORE)


def edit(update: Update) -> None:
    """Use the extension points, as the guide has it, and change lines of the template's."""
    for path, code in files_of(GUIDES / "extend-the-kernel.md").items():
        (update.path / path).write_text(code)
    update.append("app/users/models.py", "    nickname: Mapped[str | None]\n", behind=ANCHOR)
    for name, (old, new) in EDITS.items():
        file = update.path / name
        file.write_text(file.read_text().replace(old, new, 1))


def give_tenants(project: Project) -> None:
    """What the guide says to do."""
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "migrate", "create", "-m", "tenants")
    project.uv_run("manage", "migrate", "apply")
    assert "no migration is needed" in project.uv_run("manage", "migrate", "create", "-m", "more")


def refuse(server: Server, person: Person) -> None:
    """Nobody is logged in by a token of the other kind."""
    headers = {"Authorization": f"Bearer {person.token}"}
    assert httpx2.get(f"{server.url}/api/v1/users/me", headers=headers).status_code == 401


def read_by_key(server: Server, key: str) -> int:
    """What an API key is answered."""
    headers = {"X-API-Key": key}
    return httpx2.get(f"{server.url}/api/v1/users/me", headers=headers).status_code


def write_made(person: Person) -> list[Any]:
    """Rows of every resource that was made; what the lists show of them."""
    person.say("POST", "/articles", 201, json={"title": "Old", "content": "Text"})
    owner = person.say("GET", "/users/me", 200)["id"]
    customer = {"name": "Acme", "email": "it@example.org", "vip": True, "account_id": owner}
    made = person.say("POST", "/customers", 201, json=customer)
    order = {"number": 1, "customer_id": made["id"], "due": "2026-01-31"}
    person.say("POST", "/orders", 201, json=order)
    return read(person, *PATHS)


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
    return read(person, *SAMPLE_PATHS)


def read(person: Person, *paths: str) -> list[Any]:
    return [person.say("GET", path, 200) for path in paths]
