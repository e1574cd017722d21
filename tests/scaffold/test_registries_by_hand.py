"""Registries formatted by hand: removing an entry restores the file."""

import ast

import pytest
from chassis_tools.scaffolding.source import name_sort_key
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.registry_samples import (
    ENDS,
    HEADS,
    LISTS,
    NEWLINES,
    add_order_model,
    add_orders_router,
    registries,
    remove_order_model,
    remove_orders_router,
)

pytestmark = pytest.mark.quick


class TestHandWritten:
    @pytest.mark.parametrize("newline", ENDS.values(), ids=ENDS)
    @pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
    def test_router_is_added_once_and_removed_without_a_trace(
        self, head: str, newline: str
    ) -> None:
        for body in LISTS.values():
            text = f"{head}\n\n{body}".replace("\n", newline)
            edited = add_orders_router(text)
            assert is_in_place("orders", listed_routers(edited))
            assert edited.count("\n") == edited.count(newline)
            assert add_orders_router(edited) == edited
            assert remove_orders_router(edited) == text
            assert remove_orders_router(text) == text

    @settings(deadline=None)
    @given(registries())
    def test_any_router_registry(self, text: str) -> None:
        edited = add_orders_router(text)
        assert is_in_place("orders", listed_routers(edited))
        assert add_orders_router(edited) == edited
        assert remove_orders_router(edited) == text

    @settings(deadline=None)
    @given(
        names=st.sets(st.from_regex(r"[A-Z][A-Za-z0-9_]{0,8}", fullmatch=True), max_size=6),
        opening=st.sampled_from(["", " ", "\n    ", "\n\t", "\n    # a, b\n    "]),
        between=st.sampled_from([", ", ",\n    ", ",  # c\n    ", ",\n    # d\n    "]),
        closing=st.sampled_from(["", ",", ",\n", "\n", ",  # last\n"]),
        newline=NEWLINES,
    )
    def test_any_model_registry(
        self, names: set[str], opening: str, between: str, closing: str, newline: str
    ) -> None:
        listed = [f'"{name}"' for name in names - {"Order"}]
        inner = between.join(listed) + (closing if listed else "")
        text = f"import app.seed\n__all__ = [{opening}{inner}]\n".replace("\n", newline)
        edited = add_order_model(text)
        assert set(listed_models(edited)) == {*names, "Order"}
        assert add_order_model(edited) == edited
        assert remove_order_model(edited) == text


def is_in_place(name: str, names: list[str]) -> bool:
    """Return True if a sorted list stayed sorted, and the name is first in any other list."""
    others = [other for other in names if other != name]
    is_sorted = others == sorted(others, key=name_sort_key)
    return names == (sorted(names, key=name_sort_key) if is_sorted else [name, *others])


def listed_routers(text: str) -> list[str]:
    """Return the entries of the registry, which is below the import of orders."""
    tree = ast.parse(text.removeprefix("\ufeff"))
    values = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.List | ast.Tuple)
    ]
    display = values[-1].value
    assert isinstance(display, ast.List | ast.Tuple)
    lines = [
        node.lineno
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "app.orders.routes"
    ]
    assert len(lines) == 1
    assert lines[0] < display.lineno
    return [ast.unparse(node) for node in display.elts]


def listed_models(text: str) -> list[str]:
    assignment = ast.parse(text).body[-1]
    assert isinstance(assignment, ast.Assign)
    listed: list[str] = ast.literal_eval(assignment.value)
    return listed
