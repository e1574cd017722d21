"""The change between two renderings of a module is made in its edited version."""

import pytest
from chassis_tools.extending.merging import merge_module
from chassis_tools.scaffolding.source import NotEditableError

pytestmark = pytest.mark.quick

BASE = """\
from typing import Literal

from app.core.models import Mapped, Record


class Order(Record):
    __tablename__ = "orders"

    number: Mapped[int]


class OrderQuery(PageQuery):
    number: int | None = None
    sort: Literal[
        "id",
        "-id",
    ] = "-id"


VALUES = {
    "number": 1,
}


@pytest.mark.parametrize("sort", ["-id", "id"])
def make_order(store: Store, **values: Any) -> Order:
    for column in ["number"]:
        check(column)
    assert verbs() == ["SELECT", "UPDATE"]
    return Order(**values)


def test_null() -> None:
    assert NAMES == ["number"]
"""
NEW = """\
from enum import StrEnum
from typing import Literal

from app.core.models import Mapped, Record, text_enum
from app.core.tables import sort_index


class Status(StrEnum):
    DRAFT = "draft"


class Order(Record):
    __tablename__ = "orders"
    __table_args__ = (sort_index("rating"),)

    number: Mapped[int]
    rating: Mapped[int]
    status: Mapped[Status] = text_enum(Status)


class OrderQuery(PageQuery):
    number: int | None = None
    rating: int | None = None
    sort: Literal[
        "id",
        "-id",
        "rating",
        "-rating",
    ] = "-id"


VALUES = {
    "number": 1,
    "rating": 1,
}


@pytest.mark.parametrize("sort", ["-id", "id", "rating"])
def make_order(store: Store, *, buyer: User | None = None, **values: Any) -> Order:
    if buyer is None:
        buyer = make_user(store)
    for column in ["number", "rating"]:
        check(column)
    assert verbs() == ["SELECT", "SELECT", "UPDATE"]
    return Order(buyer_id=buyer.id, **values)


def test_null() -> None:
    assert NAMES == ["number", "rating"]
"""
EDITS = {
    "a comment": ("    number: Mapped[int]\n", "    number: Mapped[int]  # ours\n"),
    "a heading": ("class OrderQuery", "# Ours.\nclass OrderQuery"),
    "a column": ("    number: Mapped[int]\n", "    number: Mapped[int]\n    ours: Mapped[str]\n"),
    "a method": (
        "    number: Mapped[int]\n",
        "    number: Mapped[int]\n\n    def ours(self) -> None: ...\n",
    ),
    "an import": ("import Literal\n", "import Any, Literal  # ours\n"),
    "an imported module": ("from app.core", "import ours\nfrom app.core"),
    "a sort": ('        "-id",\n', '        "-id",\n        "ours",\n'),
    "an entry": ('    "number": 1,\n', '    "ours": 0,  # first\n    "number": 1,\n'),
    "another value": ('"number": 1', '"number": ours()'),
    "a statement": ("    return Order", "    ours()\n    return Order"),
    "a parameter": ("store: Store, **", "store: Store, *, ours: int = 1, **"),
    "a decorator's argument": ('["-id", "id"]', '["-id", "id", "ours"]'),
    "a function": ("@pytest", "def ours() -> None: ...\n\n\n@pytest"),
    "a default order": ('] = "-id"', '] = "id"'),
    "quotes": ('"number": 1', "'number': 1"),
    "a base": ("class Order(Record)", "class Order(Ours, Record)"),
}
# Edits after which a change has no certain place.
UNCLEAR = {
    "it has no `class OrderQuery(PageQuery):`": ("class OrderQuery", "class Orders"),
    "it has no `VALUES = {": ("VALUES = {", "ROWS = {"),
    "it has no `assert verbs() == ": ("    assert verbs()", "    assert not verbs()"),
    "you edited line 20": ('VALUES = {\n    "number": 1,\n}', "VALUES = dict(number=1)"),
    "line 6 already defines this name": ("class Order(", "class Status: ...\n\n\nclass Order("),
    "line 9 contains several": ("    number: Mapped[int]\n", "    a = 1; number: Mapped[int]\n"),
    "line 7 has another indentation": (
        '    __tablename__ = "orders"\n\n    number:',
        '  __tablename__ = "orders"\n\n  ours: int\n  number:',
    ),
    "line 6 binds sort_index to something": (
        "class Order(",
        "def sort_index(): ...\n\n\nclass Order(",
    ),
    "line 3 is not valid Python": ("import Mapped, Record", "import"),
}


def merge(edited: str) -> str:
    return merge_module(BASE, NEW, edited)


def replace(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_unedited_becomes_the_new_rendering() -> None:
    assert merge(BASE) == NEW
    assert merge_module(BASE, BASE, BASE) == BASE
    assert merge(NEW) == NEW


@pytest.mark.parametrize(("old", "new"), EDITS.values(), ids=EDITS)
def test_edits_stay(old: str, new: str) -> None:
    """Every line of the edited module stays, unless the change replaces it."""
    edited = replace(BASE, old, new)
    merged = merge(edited)
    compile(merged, "merged.py", "exec")
    assert merge(merged) == merged
    replaced = set(BASE.splitlines()) - set(NEW.splitlines())
    lines = iter(merged.splitlines())
    kept = [line for line in edited.splitlines() if line not in replaced and "ours" not in line]
    assert all(line in lines for line in kept)
    assert merged.count("ours") == edited.count("ours")
    added = set(NEW.splitlines()) - set(BASE.splitlines())
    assert len([line for line in added if line in merged.splitlines()]) >= len(added) - 2


@pytest.mark.parametrize("reason", UNCLEAR)
def test_what_has_no_place_is_named(reason: str) -> None:
    with pytest.raises(NotEditableError) as raised:
        merge(replace(BASE, *UNCLEAR[reason]))
    assert reason in str(raised.value)


def test_entries_on_one_line() -> None:
    merged = merge(replace(BASE, 'VALUES = {\n    "number": 1,\n}', 'VALUES = {"number": 1}'))
    assert '\nVALUES = {"number": 1, "rating": 1}\n' in merged


def test_deleted_test_stays_deleted() -> None:
    deleted = BASE[: BASE.index("\n\ndef test_null")]
    assert merge(deleted) == NEW[: NEW.index("\n\ndef test_null")]


def test_options_of_a_table_come_last() -> None:
    line = '    __tablename__ = "orders"\n'
    arguments = line + '    __table_args__ = (Index("ours"), {"schema": "shop"})\n'
    merged = merge(replace(BASE, line, arguments))
    assert '__table_args__ = (sort_index("rating"), Index("ours"), {"schema": "shop"})' in merged
    base = replace(NEW, 'sort_index("rating"),', 'sort_index("number"),')
    edited = replace(base, 'sort_index("number"),', 'sort_index("number"), {"schema": "shop"}')
    new = replace(base, 'sort_index("number"),', 'sort_index("number"), sort_index("rating"),')
    merged = merge_module(base, new, edited)
    assert '(sort_index("number"), sort_index("rating"), {"schema": "shop"})' in merged


# What the edited module contains instead, and what the merged one does.
PLACES = {
    "a field follows the team's": (
        ("    number: Mapped[int]\n", "    number: Mapped[int]\n    ours: Mapped[str]\n"),
        "    number: Mapped[int]\n    ours: Mapped[str]\n    rating: Mapped[int]\n",
    ),
    "a class follows the imports": (
        ("Mapped, Record\n", "Mapped, Record\n\nfrom app.ours import ours\n"),
        "\nfrom app.ours import ours\n\n\nclass Status(StrEnum):\n",
    ),
    "an import follows those before it": (
        ("Mapped, Record\n", "Mapped, Record\nfrom app.core.schemas import ours\n"),
        "from app.core.schemas import ours\nfrom app.core.tables import sort_index\n",
    ),
    "an import precedes those after it": (
        ("Mapped, Record\n", "Mapped, Record\nfrom app.dependencies import ours\n"),
        "from app.core.tables import sort_index\nfrom app.dependencies import ours\n",
    ),
}


@pytest.mark.parametrize(("edit", "expected"), PLACES.values(), ids=PLACES)
def test_places(edit: tuple[str, str], expected: str) -> None:
    assert expected in merge(replace(BASE, *edit))


def test_comment_in_what_would_be_replaced() -> None:
    base, new = "def row() -> Row:\n    return 1\n", "async def row() -> Row:\n    return 1\n"
    assert merge_module(base, new, base.replace("1", "(1)")) == new
    with pytest.raises(NotEditableError, match="line 1 has a comment"):
        merge_module(base, new, "def row() -> Row:\n    # Ours.\n    return 1\n")


def test_first_field_replaces_pass() -> None:
    base, new = "class Order(Record):\n    pass\n", "class Order(Record):\n    number: int\n"
    heading = "# Ours.\n"
    assert merge_module(base, new, heading + base) == heading + new
    edited = base.replace("pass", '"""Ours."""\n    pass')
    assert merge_module(base, new, edited) == new.replace("number", '"""Ours."""\n    number')


def test_function_that_became_asynchronous() -> None:
    base, new = (
        "def payload() -> Row:\n    return {}\n",
        "def payload() -> Row:\n    return {1: 2}\n",
    )
    edited = "async def payload(store: Store) -> Row:\n    return {3: await make(store)}\n"
    assert merge_module(base, new, edited) == edited.replace("}", ", 1: 2}")


def test_import_that_the_team_removed() -> None:
    edited = replace(BASE, "import Mapped, Record", "import Record")
    edited = replace(edited, "    number: Mapped[int]\n", "    number = Number()\n")
    assert "from app.core.models import Mapped, Record, text_enum\n" in merge(edited)
