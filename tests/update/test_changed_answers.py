"""Answers are changed in projects with edits, users, resources and rows."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.api_session import ApiSession, ApiUser, log_in, register
from tests.support.guides import GUIDES, files_of
from tests.support.kernel_changes import ANCHOR, add_locale
from tests.support.projects import Project, Server, get_client
from tests.support.releases import NEXT, GitProject, Template
from tests.support.renderings import git
from tests.support.sample_resources import CUSTOMER, ORDER, make
from tests.support.stacks import Stack, each

pytestmark = pytest.mark.update

ASYNC, SYNC = Stack(), Stack("sync", "per-layer", "dbmate", False, "session")
SAMPLE = Path(__file__).parent / "orders"
EMAIL = "ann@example.org"
PATHS = ("/articles", "/customers", "/orders")
SAMPLE_PATHS = ("/articles", "/orders", "/order-lines")
# Tests of tenant protection, which include the team's tables.
CORE = ["tests/core/tenancy/test_row_security.py", "tests/core/test_migrations.py"]
# Lines to edit, near those that depend on the answers.
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
    stack: Stack, template: Template, shared_path: Path, tmp_path: Path
) -> None:
    repository = GitProject.create(template, tmp_path / "project", stack.answers)
    project = Project(repository.path)
    project.sync(shared_path)
    make(project, CUSTOMER, ORDER)
    edit_project(repository)
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "migrate", "create", "-m", "nicknames")
    with project.serve() as server, ApiSession(server) as session:
        ann = register(session, stack, EMAIL)
        key = ann.request("POST", "/auth/api-keys", 201, json={"name": "robot"})["key"]
        before = write_made_rows(ann)
        server.stop()
    repository.commit("Resources and edits")

    add_locale(template)
    template.release(NEXT)
    repository.run(auth="session")
    project.sync(shared_path)
    with project.serve() as server, ApiSession(server) as session:
        check_token_is_rejected(server, ann)
        ann = log_in(session, EMAIL, "")
        assert [read_lists(ann, *PATHS), read_by_key(server, key)] == [before, 200]
        server.stop()
    project.uv_run("pytest", "--quiet", "tests/auth/test_session_routes.py")
    repository.commit("Session tokens")

    changes = ("--set", "auth=jwt", "--set", "multi_tenancy=true")
    project.uv_run("manage", "upgrade", *changes)
    add_tenants(project)
    with project.serve() as server, ApiSession(server) as session:
        check_token_is_rejected(server, ann)
        assert read_by_key(server, key) == 401
        assert read_lists(log_in(session, EMAIL, "default"), *PATHS) == before
        eve = register(session, stack.with_answers(multi_tenancy=True), "eve@example.org", "Evil")
        assert [page["items"] for page in read_lists(eve, *PATHS)] == [[], [], []]
        server.stop()
    make(project, ("invoice", "order:ref:order", "number:int,unique", "--owned"))
    own_tests = ("articles", "customers", "orders", "invoices", "auth", "users")
    project.uv_run("pytest", "--quiet", *(f"tests/{name}" for name in own_tests), *CORE)
    kept = repository.files()
    for name, (_, text) in EDITS.items():
        assert text in kept[name].decode(), name


@each([SYNC])
def test_tenants_by_copier_alone(
    stack: Stack, template: Template, shared_path: Path, tmp_path: Path
) -> None:
    add_locale(template)  # Its migration follows that of the tenants, if any.
    template.release(NEXT)
    repository = GitProject.create(template, tmp_path / "project", stack.answers, NEXT)
    project = Project(repository.path)
    project.sync(shared_path)
    add_orders(project, stack)
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "migrate", "create", "-m", "orders")
    with project.serve() as server, ApiSession(server) as session:
        before = write_sample_rows(register(session, stack, EMAIL))
        server.stop()
    yours = files_of_the_team(project)
    repository.commit("Orders")

    repository.run(multi_tenancy=True)

    assert files_of_the_team(project) == yours
    assert repository.conflicts() == []
    project.uv_run("manage", "migrate", "apply")
    with pytest.raises(AssertionError, match="orders lacks tenant_id"):
        project.uv_run("manage", "run", "--no-reload")
    add_tenants(project)
    with project.serve() as server, ApiSession(server) as session:
        ann = log_in(session, EMAIL, "default")
        assert read_lists(ann, *SAMPLE_PATHS) == before
        order = ann.request("POST", "/orders", 201, json={"number": "A2"})
        eve = register(session, stack.with_answers(multi_tenancy=True), "eve@example.org", "Evil")
        assert [page["items"] for page in read_lists(eve, *SAMPLE_PATHS)] == [[], [], []]
        page = eve.request("GET", "/orders", 200, params={"number__icontains": "A"})
        assert page["items"] == []
        eve.request("POST", "/order-lines", 409, json={"order_id": order["id"], "code": "L1"})
        assert eve.request("POST", "/orders", 201, json={"number": "A2"})["number"] == "A2"
        server.stop()
    project.uv_run("pytest", "--quiet", "tests/routes/test_article.py", *CORE)


def edit_project(repository: GitProject) -> None:
    """Use the extension points as in the guide, and change lines of the template's."""
    for path, code in files_of(GUIDES / "extend-the-kernel.md").items():
        (repository.path / path).write_text(code)
    repository.append("app/users/models.py", "    nickname: Mapped[str | None]\n", after=ANCHOR)
    for name, (old, new) in EDITS.items():
        file = repository.path / name
        file.write_text(file.read_text().replace(old, new, 1))


def add_tenants(project: Project) -> None:
    """Follow the guide's steps."""
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "migrate", "create", "-m", "tenants")
    project.uv_run("manage", "migrate", "apply")
    assert "no migration is needed" in project.uv_run("manage", "migrate", "create", "-m", "more")


def check_token_is_rejected(server: Server, user: ApiUser) -> None:
    """Check that a token of the other kind is rejected."""
    headers = {"Authorization": f"Bearer {user.token}"}
    assert get_client().get(f"{server.url}/api/v1/users/me", headers=headers).status_code == 401


def read_by_key(server: Server, key: str) -> int:
    """Return the status of a request with an API key."""
    headers = {"X-API-Key": key}
    return get_client().get(f"{server.url}/api/v1/users/me", headers=headers).status_code


def write_made_rows(user: ApiUser) -> list[Any]:
    """Create rows of every made resource and return the lists."""
    user.request("POST", "/articles", 201, json={"title": "Old", "content": "Text"})
    owner = user.request("GET", "/users/me", 200)["id"]
    customer = {"name": "Acme", "email": "it@example.org", "vip": True, "account_id": owner}
    made = user.request("POST", "/customers", 201, json=customer)
    order = {"number": 1, "customer_id": made["id"], "due": "2026-01-31"}
    user.request("POST", "/orders", 201, json=order)
    return read_lists(user, *PATHS)


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
    """Return the team's resources, including the example, and its migrations."""
    names = git(project.path, "ls-files", "--cached", "--others", "--exclude-standard").split()
    return {
        name: (project.path / name).read_bytes()
        for name in names
        if name.startswith("migrations/app/") or "article" in name or "orders" in name
    }


def write_sample_rows(user: ApiUser) -> list[Any]:
    """Create rows of every resource and return the lists."""
    user.request("POST", "/articles", 201, json={"title": "Old", "content": "Text"})
    order = user.request("POST", "/orders", 201, json={"number": "A1"})
    line = {"order_id": order["id"], "code": "L1"}
    parent = user.request("POST", "/order-lines", 201, json=line)
    child = line | {"code": "L2", "parent_id": parent["id"]}
    user.request("POST", "/order-lines", 201, json=child)
    return read_lists(user, *SAMPLE_PATHS)


def read_lists(user: ApiUser, *paths: str) -> list[Any]:
    return [user.request("GET", path, 200) for path in paths]
