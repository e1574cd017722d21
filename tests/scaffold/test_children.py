"""Child resources, which `manage make --child-of` writes and returns with their parent."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Install, Render
from tests.support.checks import check_style, check_types, run_own_tests
from tests.support.projects import Project
from tests.support.sample_resources import make, tree
from tests.support.scaffolds import Scaffold
from tests.support.stacks import OPPOSITES, STACKS, Stack, each

PRODUCT = ("product", "name:str:20,unique", "--owned")
ORDER = (
    *("order", "number:int,unique", "status:enum:draft/paid,default=draft"),
    *("owner_note:text,optional", "--owned", "--soft-delete"),
)
ORDER_LINE = (
    *("order_line", "order:ref:order,load=joined", "product:ref:product", "sku:str:20,unique"),
    *("price:decimal:10:2,min=0", "quantity:int,default=1", "--child-of", "order"),
)
TARIFF = ("tariff", "code:str:12", "--write=admin")
RATE = ("rate", "plan:ref:tariff,on_delete=cascade", "details:json,default={}")
FAMILIES = (PRODUCT, ORDER, ORDER_LINE, TARIFF, (*RATE, "--child-of", "tariff"))
LINE = ("order_line", "order:ref:order", "sku:str:20", "--child-of", "order")

# Each command changes nothing and names the problem.
REFUSED = {
    ("line", "order:ref:order", "x:int", "--child-of", "nothing"): "make it first",
    ("line", "order:ref:order", "x:int", "--child-of", "orders"): "use order",
    ("line", "buyer:ref:user", "x:int", "--child-of", "user"): "there is no record of this",
    (
        "line",
        "x:int",
        "--child-of",
        "order",
    ): "add a reference to the parent, as in order:ref:order",
    ("line", "order:ref:order", "--child-of", "order"): "add a field besides the reference",
    ("line", "order:ref:order,optional", "x:int", "--child-of", "order"): "cannot be optional",
    ("line", "order:ref:order,unique", "x:int", "--child-of", "order"): "cannot be unique",
    ("line", "a:ref:order", "b:ref:order", "--child-of", "order"): "only one field can refer",
    ("line", "order:ref:order,on_delete=restrict", "x:int", "--child-of", "order"): (
        "order needs on_delete=cascade, because lines are deleted with the parent"
    ),
    ("line", "order:ref:order", "x:int", "--child-of", "order", "--owned"): "--owned cannot be",
    ("line", "order:ref:order", "x:int", "--child-of", "order", "--soft-delete"): "set it on the",
    ("line", "order:ref:order", "x:int", "--child-of", "order", "--read-public"): "set it on the",
    ("line", "order:ref:order", "x:int", "--child-of", "order", "--write=admin"): "set it on the",
    ("line", "log:ref:log", "x:int", "--child-of", "log"): "has no routes that could write",
    ("order_number", "order:ref:order", "x:int", "--plural", "number", "--child-of", "order"): (
        "the list would be named number"
    ),
    ("order_status", "order:ref:order", "x:int", "--child-of", "order"): (
        "a field of the parent has a type with the name of the child"
    ),
    ("field", "order", "x:int,optional", "--child-of", "order"): "`make field` accepts only",
}


@each(OPPOSITES, exhaustive=STACKS)
def test_made_and_removed(stack: Stack, render: Render, shared_path: Path, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(render(stack).path, project.path)
    project.sync(shared_path)
    rendered = tree(project.path)
    make(project, *FAMILIES)
    made = tree(project.path)

    check_style(project)
    check_types(project, shared_path)
    tests = [path for path in made.keys() - rendered if "/test_" in path]
    tests += ["tests/core/tenancy/test_leaks.py"] if stack.answers["multi_tenancy"] else []
    run_own_tests(project, "tests/core/test_migrations.py", *tests)
    project.uv_run("manage", "migrate", "apply")
    created = project.uv_run("manage", "migrate", "create", "-m", "more")
    assert "no migration is needed" in created
    project.uv_run("manage", "doctor")
    assert "nothing to do" in project.uv_run("manage", "make", *ORDER)
    assert "nothing to do" in project.uv_run("manage", "make", *ORDER_LINE)

    for name in ("rate", "tariff", "order_line", "order", "product"):
        project.uv_run("manage", "remove", name, "--yes")
    assert tree(project.path) == rendered


@pytest.fixture
def scaffold(install: Install, render: Render, tmp_path: Path) -> Scaffold:
    stack = OPPOSITES[0]
    scaffold = Scaffold.copy(install(stack), render(stack).path, tmp_path / "project")
    scaffold.manage("make", *ORDER)
    return scaffold


def edit(scaffold: Scaffold, path: str, *replacements: tuple[str, str]) -> None:
    text = (scaffold.path / path).read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    scaffold.write(path, text)


def read(scaffold: Scaffold, path: str) -> str:
    return (scaffold.path / path).read_text()


@pytest.mark.quick
def test_refused_in_a_sentence(scaffold: Scaffold) -> None:
    scaffold.manage("make", "log", "text:str", "--no-routes")
    for words, reason in REFUSED.items():
        assert reason in scaffold.refusal("make", *words), words


@pytest.mark.quick
def test_parent_is_named(scaffold: Scaffold) -> None:
    scaffold.manage("make", *LINE)
    refusal = scaffold.refusal("remove", "order", "--force")
    assert refusal == "order is the parent of order_line: first run `manage remove order_line`"


@pytest.mark.quick
def test_rehearsal(scaffold: Scaffold) -> None:
    before = scaffold.tree()
    shown = scaffold.manage("make", *LINE, "--dry-run")
    assert scaffold.tree() == before
    assert "change app/orders/service.py\n" in shown
    assert "\n+class OrderDetail(OrderRead):\n" in shown
    assert "app/order_lines/routes.py" not in shown


def test_several_children(scaffold: Scaffold) -> None:
    """They have the same place in any order, and each can be removed."""
    scaffold.manage("make", *LINE)
    alone = scaffold.tree()
    scaffold.manage("make", "discount", "order:ref:order", "rate:int", "--child-of", "order")
    schemas = read(scaffold, "app/orders/schemas.py")
    assert "    discounts: list[DiscountRead]\n    lines: list[OrderLineRead]\n" in schemas
    scaffold.manage("remove", "discount", "--yes")
    assert scaffold.tree() == alone


def test_fields_are_added(scaffold: Scaffold) -> None:
    """Fields of the parent and of the child, in any order with the child."""
    scaffold.manage("make", *LINE)
    scaffold.manage("make", "field", "order", "rank:int,default=1")
    scaffold.manage("make", "field", "order_line", "note:str,optional")
    assert "    lines: list[OrderLineRead]\n" in read(scaffold, "app/orders/schemas.py")
    schemas = read(scaffold, "app/order_lines/schemas.py")
    assert "Input(InputSchema):\n    sku: Sku\n    note: Note | None = None\n" in schemas
    assert "already has lines" in scaffold.refusal("make", "field", "order", "lines:int,default=1")
    scaffold.check("ruff", "check", "app", "tests")
    scaffold.check("ruff", "format", "--check", "app", "tests")


class TestEdited:
    def test_edits_stay(self, scaffold: Scaffold) -> None:
        edit(
            scaffold,
            "app/orders/service.py",
            ("        changes =", "        # Numbers do not change.\n        changes ="),
        )
        edit(
            scaffold,
            "app/orders/schemas.py",
            ("    number: Int32\n", "    number: Int32  # ours\n"),
        )
        scaffold.manage("make", *LINE)
        service = read(scaffold, "app/orders/service.py")
        assert (
            "        # Numbers do not change.\n"
            '        changes = data.model_dump(exclude_unset=True, exclude={"lines"})\n' in service
        )
        assert "    number: Int32  # ours\n" in read(scaffold, "app/orders/schemas.py")
        scaffold.check("ruff", "check", "app", "tests")
        scaffold.check("ruff", "format", "--check", "app", "tests")

        refusal = scaffold.refusal("remove", "order_line", "--force")
        assert "order_line is used by app/orders/schemas.py:" in refusal
        assert "app/orders/service.py:" in refusal
        assert "app/orders/models.py" not in refusal  # Nobody edited it: it would be restored.

    def test_what_has_no_place_is_printed(self, scaffold: Scaffold) -> None:
        edit(scaffold, "app/orders/schemas.py", ("class OrderCreate(", "class OrderIn("))
        before = read(scaffold, "app/orders/schemas.py")
        printed = scaffold.manage("make", *LINE)
        assert "Edit app/orders/schemas.py by hand." in printed
        assert "\n+class OrderDetail(OrderRead):\n" in printed
        assert read(scaffold, "app/orders/schemas.py") == before
        assert "lines: Mapped" in read(scaffold, "app/orders/models.py")

    def test_edited_tests_are_named_at_removal(self, scaffold: Scaffold) -> None:
        scaffold.manage("make", *LINE)
        edit(scaffold, "tests/orders/test_routes.py", ("class TestGet:", "class TestOne:"))
        removed = scaffold.manage("remove", "order_line", "--yes")
        assert "Edit tests/orders/test_routes.py by hand. You edited it:" in removed
        assert '\n-        assert statements.verbs() == [AUTHENTICATION, "SELECT", "SEL' in removed
        assert "lines" not in read(scaffold, "app/orders/models.py")

    def test_line_endings(self, scaffold: Scaffold) -> None:
        """Git may check files out with carriage returns."""
        paths = [scaffold.path / f"app/orders/{name}.py" for name in ("models", "service")]
        for path in paths:
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        before = scaffold.tree()
        scaffold.manage("make", *LINE)
        for path in paths:
            text = path.read_bytes()
            assert text.count(b"\n") == text.count(b"\r\n")
        scaffold.manage("remove", "order_line", "--yes")
        assert scaffold.tree() == before

    def test_templates_without_children(self, scaffold: Scaffold) -> None:
        template = "scaffold/app/NAMES/service.py.jinja"
        text = read(scaffold, template)
        scaffold.write(template, text.replace("for child in children", "for child in []"))
        assert "do not support children" in scaffold.refusal("make", *LINE)
