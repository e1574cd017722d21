"""Resources are made, checked together with their project, and removed."""

import shutil
from pathlib import Path

from tests.conftest import Render
from tests.support.api_session import ApiSession, register
from tests.support.checks import check_style, check_types, run_own_tests
from tests.support.projects import Project
from tests.support.sample_resources import (
    ARTICLE,
    RESOURCES,
    make,
    remove,
    tree,
    without_the_example,
    without_versions,
)
from tests.support.stacks import BARE, CONCURRENCY_AND_LAYOUT, STACKS, Stack, each

# Half of the time of a stack with tenants: by default the leak tests run on one of these.
LEAKS = "test_leaks.py"
WITHOUT_LEAK_TESTS = CONCURRENCY_AND_LAYOUT[3]


@each(CONCURRENCY_AND_LAYOUT, exhaustive=STACKS + BARE)
def test_made_pass_all_checks(
    stack: Stack, render: Render, shared_path: Path, tmp_path: Path
) -> None:
    project = install_copy(stack, render, shared_path, tmp_path)
    rendered = tree(project.path)
    make(project, *RESOURCES)
    check_types(project, shared_path)
    tests = [path for path in tree(project.path).keys() - rendered if "/test_" in path]
    tests += find_tests_of_all_resources(project)
    if stack == WITHOUT_LEAK_TESTS:
        tests = [path for path in tests if not path.endswith(LEAKS)]
    run_own_tests(project, *tests)


@each(CONCURRENCY_AND_LAYOUT, exhaustive=STACKS + BARE)
def test_made_and_removed(stack: Stack, render: Render, shared_path: Path, tmp_path: Path) -> None:
    project = install_copy(stack, render, shared_path, tmp_path)
    rendered = tree(project.path)

    make(project, *RESOURCES)
    check_style(project)
    remove(project, *reversed(RESOURCES))
    assert tree(project.path) == rendered

    other = render(stack.with_answers(example=not stack.example)).path
    for with_example in (not stack.example, stack.example):
        (make if with_example else remove)(project, ARTICLE)
        wanted = rendered if with_example == stack.example else tree(other)
        assert comparable(tree(project.path)) == comparable(wanted)
    assert without_versions(tree(project.path)) == without_versions(rendered)


def install_copy(stack: Stack, render: Render, shared_path: Path, tmp_path: Path) -> Project:
    """Return an installed project that the test may change."""
    project = Project(tmp_path / "project")
    shutil.copytree(render(stack).path, project.path)
    project.sync(shared_path)
    return project


def comparable(files: dict[str, bytes]) -> dict[str, bytes]:
    return without_versions(without_the_example(files))


def find_tests_of_all_resources(project: Project) -> list[str]:
    """Return the project's tests that look at all its models, tables or routes."""
    paths = ("test_application.py", "test_migrations.py", f"tenancy/{LEAKS}")
    return [f"tests/core/{path}" for path in paths if (project.path / "tests/core" / path).exists()]


SHOP = (
    ("customer", "name:str:200", "email:email,unique"),
    ("order", "customer:ref:customer", "number:int,unique"),
    ("order_line", "order:ref:order,on_delete=cascade", "product:str", "price:decimal:10:2"),
)
SHOPS = [
    Stack(layout=layout, migrations=migrations, multi_tenancy=True, example=False)
    for layout in ("per-entity", "per-layer")
    for migrations in ("alembic", "dbmate")
]


@each(SHOPS[-1:], exhaustive=SHOPS)
def test_orders_of_customers_per_tenant(
    stack: Stack, render: Render, shared_path: Path, tmp_path: Path
) -> None:
    """Make three resources while the server runs, and use them without an edit."""
    project = install_copy(stack, render, shared_path, tmp_path)
    with project.serve_with("manage", "run") as server, ApiSession(server) as session:
        make(project, *SHOP)
        server.wait_until_reloaded("/api/v1/order-lines")
        ann = register(session, stack, "ann@example.org", "Acme")
        eve = register(session, stack, "eve@example.org", "Evil")
        bob = {"name": "Bob", "email": "Bob@Example.com"}
        customer = ann.request("POST", "/customers", 201, json=bob)
        ann.request("POST", "/customers", 409, json=bob | {"email": "bob@example.COM"})
        wanted = {"customer_id": customer["id"], "number": 1}
        order = ann.request("POST", "/orders", 201, json=wanted)
        [taken] = ann.request("POST", "/orders", 409, json=wanted)["errors"]
        assert taken["loc"] == ["body", "number"]
        line = {"order_id": order["id"], "product": "Tea", "price": "4.50"}
        ann.request("POST", "/order-lines", 201, json=line)

        lines = ann.request("GET", f"/order-lines?order_id={order['id']}", 200)["items"]
        assert [one["price"] for one in lines] == ["4.50"]
        assert eve.request("GET", "/order-lines", 200)["items"] == []
        eve.request("GET", f"/customers/{customer['id']}", 404)
        refused = eve.request("POST", "/order-lines", 409, json=line)
        assert refused["detail"] == "A referenced record does not exist."
        refused = ann.request("DELETE", f"/customers/{customer['id']}", 409)
        assert refused["detail"] == "Other records still reference this record."
        server.stop()
