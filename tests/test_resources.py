"""In every stack resources are made, checked with the project they are in, and removed again."""

import shutil
from pathlib import Path

from tests.checks import check_style, check_types, run_own_tests
from tests.conftest import Render
from tests.conversations import Conversation, join
from tests.projects import Project
from tests.resources import ARTICLE, RESOURCES, make, remove, tree, without_the_example
from tests.stacks import STACKS, Stack, each


@each(STACKS)
def test_made_and_removed(stack: Stack, render: Render, workshop: Path, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(render(stack).path, project.path)
    project.sync(workshop)
    rendered = tree(project.path)

    make(project, *RESOURCES)
    check_style(project)
    check_types(project, workshop)
    run_own_tests(project)

    remove(project, *reversed(RESOURCES))
    assert tree(project.path) == rendered

    remove(project, ARTICLE)
    bare = render(stack.but(example=False)).path
    assert without_the_example(tree(project.path)) == without_the_example(tree(bare))

    make(project, ARTICLE)
    assert tree(project.path) == rendered


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


@each(SHOPS)
def test_orders_of_customers_per_tenant(
    stack: Stack, render: Render, workshop: Path, tmp_path: Path
) -> None:
    """Three commands and a few requests, without opening a file and with the server running."""
    project = Project(tmp_path / "project")
    shutil.copytree(render(stack).path, project.path)
    project.sync(workshop)
    with project.serving("manage", "run") as server, Conversation(server) as talk:
        make(project, *SHOP)
        server.wait_until_reloaded("/api/v1/order-lines")
        ann = join(talk, stack, "ann@example.org", "Acme")
        eve = join(talk, stack, "eve@example.org", "Evil")
        bob = {"name": "Bob", "email": "Bob@Example.com"}
        customer = ann.say("POST", "/customers", 201, json=bob)
        ann.say("POST", "/customers", 409, json=bob | {"email": "bob@example.COM"})
        wanted = {"customer_id": customer["id"], "number": 1}
        order = ann.say("POST", "/orders", 201, json=wanted)
        [taken] = ann.say("POST", "/orders", 409, json=wanted)["errors"]
        assert taken["loc"] == ["number"]
        line = {"order_id": order["id"], "product": "Tea", "price": "4.50"}
        ann.say("POST", "/order-lines", 201, json=line)

        lines = ann.say("GET", f"/order-lines?order_id={order['id']}", 200)["items"]
        assert [one["price"] for one in lines] == ["4.50"]
        assert eve.say("GET", "/order-lines", 200)["items"] == []
        eve.say("GET", f"/customers/{customer['id']}", 404)
        refused = eve.say("POST", "/order-lines", 409, json=line)
        assert refused["detail"] == "A referenced record does not exist."
        refused = ann.say("DELETE", f"/customers/{customer['id']}", 409)
        assert refused["detail"] == "Other records still reference this record."
        server.stop()
