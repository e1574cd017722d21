"""The team's registries are edited according to their syntax, or left alone."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chassis_tools.scaffolding.registries import (
    RegistryError,
    add_model,
    add_router,
    remove_model,
    remove_router,
)
from manage.errors import CommandError

from tests.conftest import Render
from tests.support.registry_samples import (
    MODELS,
    ROUTERS,
    UNSAFE,
    add_order_model,
    add_orders_router,
    dedent,
    remove_order_model,
    remove_orders_router,
)
from tests.support.stacks import Stack

pytestmark = pytest.mark.quick


def ruff(*arguments: str) -> None:
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


class TestRendered:
    @pytest.mark.parametrize("layout", ["per-entity", "per-layer"])
    @pytest.mark.parametrize("tenancy", [False, True], ids=["alone", "tenants"])
    def test_added_by_hand_equals_rendered(
        self, layout: str, tenancy: bool, render: Render
    ) -> None:
        stack = Stack(layout=layout, multi_tenancy=tenancy)
        full, empty = render(stack), render(stack.with_answers(example=False))
        for role, add, remove, name in (
            ("models", add_model, remove_model, "Article"),
            ("routes", add_router, remove_router, "articles"),
        ):
            place = f"app/{full.answers['at'][role]}.py"
            with_a_or_an = (full.path / place).read_text()
            without = (empty.path / place).read_text()
            module = full.answers["module"]["article"][role]
            assert add(without, module=module, name=name) == with_a_or_an
            assert add(with_a_or_an, module=module, name=name) == with_a_or_an
            assert remove(with_a_or_an, module=module, name=name) == without

    @pytest.mark.parametrize("layout", ["per-entity", "per-layer"])
    def test_names_are_sorted_and_long_ones_wrapped(
        self, layout: str, render: Render, tmp_path: Path
    ) -> None:
        rendering = render(Stack(layout=layout))
        shutil.copytree(rendering.path, tmp_path, dirs_exist_ok=True)
        modules = rendering.answers["module"]["article"]
        models = tmp_path / f"app/{rendering.answers['at']['models']}.py"
        routes = tmp_path / f"app/{rendering.answers['at']['routes']}.py"
        for name in ("a10", "a2", "a02", "author", "authority", "auth2", "zebra", "x" * 62):
            module = modules["models"].replace("article", name)
            text = add_model(models.read_text(), module=module, name=name.capitalize())
            models.write_text(text)
            module = modules["routes"].replace("article", name)
            routes.write_text(add_router(routes.read_text(), module=module, name=name))
        for check in (["format", "--check"], ["check"]):
            ruff(*check, str(models), str(routes))


class TestMerged:
    """Two branches in git each register a resource."""

    @pytest.mark.parametrize("layout", ["per-entity", "per-layer"])
    @pytest.mark.parametrize("example", [False, True], ids=["first", "second"])
    def test_both_are_kept(
        self, layout: str, example: bool, render: Render, tmp_path: Path
    ) -> None:
        rendering = render(Stack(layout=layout, example=example))
        for role, add, names in (
            ("models", add_model, ("Order", "Invoice")),
            ("routes", add_router, ("orders", "invoices")),
        ):
            path = f"app/{rendering.answers['at'][role]}.py"
            assert f"/{path} merge=union" in (rendering.path / ".gitattributes").read_text()
            base = (rendering.path / path).read_text()
            ours, theirs = (add(base, module=f"app.{name}.{role}", name=name) for name in names)
            both = add(ours, module=f"app.{names[1]}.{role}", name=names[1])
            merged = merge(tmp_path, ours, base, theirs, "--union")
            assert ast.parse(merged)
            assert sorted(merged.splitlines()) == sorted(both.splitlines())

    def test_distant_names_need_no_attribute(self, tmp_path: Path) -> None:
        base = add_model(MODELS, module="app.sales.models", name="Sale")
        ours = add_model(base, module="app.zoos.models", name="Zoo")
        assert "Zoo" in merge(tmp_path, ours, base, add_order_model(base))
        base = ROUTERS.replace("    users,\n    auth,\n", "    auth,\n    users,\n")
        ours = add_router(base, module="app.zoos.routes", name="zoos")
        assert "zoos" in merge(tmp_path, ours, base, add_orders_router(base))


def merge(folder: Path, ours: str, base: str, theirs: str, *options: str) -> str:
    """Merge two versions of a file with git, without a conflict."""
    for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
        (folder / name).write_text(text)
    command = ["git", "merge-file", "--stdout", *options, "ours", "base", "theirs"]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


class TestPlaces:
    def test_entry_takes_the_layout_of_its_neighbours(self) -> None:
        text = dedent("""
            from app.auth.models import ApiKey  # issued
            # Whoever signs in:
            from app.users.models import User

            __all__ = [
            \t"ApiKey",  # [issued]
            \t# Whoever signs in:
            \t"User"     # last
            ]
            """)
        assert add_order_model(text) == dedent("""
            from app.auth.models import ApiKey  # issued
            from app.orders.models import Order
            # Whoever signs in:
            from app.users.models import User

            __all__ = [
            \t"ApiKey",  # [issued]
            \t"Order",
            \t# Whoever signs in:
            \t"User"     # last
            ]
            """)

    def test_comma_is_added_where_the_last_entry_has_none(self) -> None:
        text = 'import app.seed\n__all__ = [\n    "Chart"  # first\n]\n'
        assert add_order_model(text).endswith('[\n    "Chart",  # first\n    "Order"\n]\n')

    def test_first_router_stands_below_the_heading(self) -> None:
        text = ROUTERS.replace("    users,", "    # The busiest first:\n    users,")
        assert "# The busiest first:\n    orders,\n    users" in add_orders_router(text)

    def test_late_imports_stay_late(self) -> None:
        text = add_order_model(f"{MODELS}\nfrom app.zoo.models import Zoo  # noqa: E402\n")
        assert text.index("orders.models") < text.index("__all__")

    def test_names_above_the_imports(self) -> None:
        text = '__all__ = ["User"]\n\nfrom app.users.models import User\n'
        added = (
            '__all__ = ["Order", "User"]\n\n'
            "from app.orders.models import Order\nfrom app.users.models import User\n"
        )
        assert add_order_model(text) == added
        assert remove_order_model(added) == text

    def test_text_without_a_last_line_end(self) -> None:
        text = '__all__ = ["User"]\nfrom app.auth.models import User'
        added = add_order_model(text)
        assert added.endswith("import User\nfrom app.orders.models import Order")
        assert remove_order_model(added) == text

    def test_blank_line_parts_sections_but_not_the_kernel(self) -> None:
        for module, gap in (("fastapi", "\n"), ("app.core.routing", ""), ("app.settings", "")):
            text = f"from {module} import x\n\nrouters = []\n"
            start = f"from {module} import x\n{gap}from app.orders.routes import router as orders\n"
            assert add_orders_router(text) == f"{start}\nrouters = [\n    orders,\n]\n"

    def test_modules_are_sorted_whatever_their_case(self) -> None:
        text = "from app.Zoo import zoo\n\nrouters = [zoo]\n"
        assert add_orders_router(text).startswith("from app.orders.routes import")

    def test_names_are_sorted_as_ruff_sorts_them(self, tmp_path: Path) -> None:
        text = "__all__ = []\n"
        for name in ("b", "Art10", "A1", "ApiKey", "Chart", "APIKey", "Art2", "URL", "X", "_x"):
            text = add_model(text, module=f"app.{name}.models", name=name)
        (tmp_path / "models.py").write_text(text)
        ruff("check", "--isolated", "--select=RUF022", str(tmp_path))


class TestHalfThere:
    def test_only_what_is_missing_is_added(self) -> None:
        whole = add_orders_router(ROUTERS)
        line = "from app.orders.routes import router as orders\n"
        assert add_orders_router(whole.replace("    orders,\n", "")) == whole
        assert add_orders_router(whole.replace(line, "")) == whole

    def test_either_half_is_removed(self) -> None:
        whole = add_order_model(MODELS)
        assert remove_order_model(whole.replace('    "Order",\n', "")) == MODELS
        assert (
            remove_order_model(whole.replace("from app.orders.models import Order\n", "")) == MODELS
        )

    @pytest.mark.parametrize(
        "extension",
        ["routers += [orders]", "routers.append(orders)", "if DEBUG:\n    routers += [orders]"],
    )
    def test_router_that_is_added_later_is_there(self, extension: str) -> None:
        text = f"{add_orders_router(ROUTERS).replace('    orders,', '')}{extension}\n"
        assert add_orders_router(text) == text
        with pytest.raises(RegistryError, match="also uses orders"):
            remove_orders_router(text)

    def test_wrapped_router_is_there(self) -> None:
        text = add_orders_router(ROUTERS).replace("    orders,", "    protected(orders),")
        assert add_orders_router(text) == text
        with pytest.raises(RegistryError, match="line 10 also uses orders"):
            remove_orders_router(text)


class TestRemoved:
    def test_longer_names_stay(self) -> None:
        text = add_model(MODELS, module="app.charts.models", name="Chart")
        assert remove_model(text, module="app.arts.models", name="Art") == text
        both = add_model(text, module="app.arts.models", name="Art")
        assert remove_model(both, module="app.arts.models", name="Art") == text

    @pytest.mark.parametrize(
        ("combined", "rest"),
        [
            ("import Order, OrderStatus", "import OrderStatus"),
            ("import OrderLine, Order", "import OrderLine"),
            ("import A, Order as Order, B", "import A, B"),
            ("import (A, Order,)", "import (A,)"),
            ("import (\n    A,\n    Order,  # b\n    C,\n)", "import (\n    A,\n    C,\n)"),
            ("import (\n    A,\n    Order\n)", "import (\n    A\n)"),
            ("import A, \\\n    B, Order", "import A, \\\n    B"),
        ],
    )
    def test_other_names_of_the_import_stay(self, combined: str, rest: str) -> None:
        text = add_order_model(MODELS).replace("import Order", combined)
        expected = add_order_model(MODELS).replace("import Order", rest)
        assert remove_order_model(text) == expected.replace('    "Order",\n', "")

    def test_relative_import_is_the_same_import(self) -> None:
        text = add_order_model(MODELS).replace("from app.orders", "from .orders")
        assert add_order_model(text) == text
        assert remove_order_model(text) == MODELS

    @pytest.mark.parametrize(
        ("pair", "rest"),
        [
            ("(orders, users)", "(users,)"),
            ("(users, orders)", "(users,)"),
            ("(\n    users,\n    orders\n)", "(\n    users,\n)"),
            ("(\n    orders,\n    users\n)", "(\n    users,\n)"),
        ],
    )
    def test_tuple_stays_a_tuple(self, pair: str, rest: str) -> None:
        text = add_orders_router("import app.seed\nrouters = ()\n")
        text = text.replace("(orders,)", pair)
        assert remove_orders_router(text) == f"import app.seed\nrouters = {rest}\n"


class TestLeftAlone:
    @pytest.mark.parametrize(("text", "why"), UNSAFE.values(), ids=UNSAFE)
    def test_says_why_and_what_to_write(self, text: str, why: str) -> None:
        with pytest.raises(RegistryError, match=re.escape(why)) as raised:
            add_orders_router(text)
        sentence = str(raised.value)
        assert (
            "nothing was changed: write `routers` as one plain list that contains `orders`"
            in sentence
        )
        assert isinstance(raised.value, CommandError)
        assert not sentence.endswith(".")

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("__all__ = [*more]\n", "entries that are not strings"),
            ('__all__ = ["A", name]\n', "entries that are not strings"),
            ('__all__ = ["A"] + more\n', "line 1 computes"),
            ("__all__ = [1]\n", "entries that are not strings"),
        ],
    )
    def test_names_have_to_be_written_out(self, text: str, why: str) -> None:
        with pytest.raises(RegistryError, match=why):
            add_order_model(text)

    @pytest.mark.parametrize(
        ("extra", "why"),
        [
            ("mapped = Order.metadata\n", "also uses Order"),
            ("def make(): return Order()\n", "also uses Order"),
            ('__all__ += ["Order"]\n', "also uses Order"),
            ("from app.orders.models import Order\n", "again"),
        ],
    )
    def test_model_in_use_is_not_removed(self, extra: str, why: str) -> None:
        with pytest.raises(RegistryError, match=why) as raised:
            remove_order_model(add_order_model(MODELS) + extra)
        assert "remove `from app.orders.models import Order` and" in str(raised.value)

    def test_statement_on_the_same_line(self) -> None:
        text = add_order_model(MODELS).replace("import Order\n", "import Order; x = 1\n")
        with pytest.raises(RegistryError, match="another statement"):
            remove_order_model(text)

    def test_nothing_to_remove_needs_no_list(self) -> None:
        assert remove_order_model("routers = build()\n") == "routers = build()\n"
