"""The macros and data that Copier renders with: short lines, and one list of symbols."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, meta, nodes

from tests.support.article import EXTENSIONS, article, symbols
from tests.support.jinja_source import LINE_LENGTH
from tests.support.questions import load_config

pytestmark = pytest.mark.quick

REPOSITORY = EXTENSIONS.parent
FILES = [REPOSITORY / "copier.yml", *sorted(EXTENSIONS.rglob("*.*"))]
PARTS = sorted((EXTENSIONS / "resource").iterdir())
BLOCKS = {"when", "either", "each", "listed", "parent_owner", "sorted_imports"}
# Blocks without a condition.
UNCONDITIONAL = {"parent_owner", "sorted_imports"}
MODULES = {"own", "own_tests"}
# Lists and conditions that `manage inspect --write` adds for the tests of existing tables.
EXISTING = {"makes_rows", "creatable"}

each_file = pytest.mark.parametrize(
    "file",
    [pytest.param(file) for file in FILES],
    ids=[file.relative_to(REPOSITORY).as_posix() for file in FILES],
)
each_part = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)


@each_file
def test_lines_are_short(file: Path) -> None:
    lines = enumerate(file.read_text().splitlines(), start=1)
    long = [f"line {number}: {len(line)}" for number, line in lines if len(line) > LINE_LENGTH]
    assert long == []


def parse(part: Path) -> nodes.Template:
    return Environment().parse(part.read_text())


@each_part
def test_symbols_are_complete(part: Path) -> None:
    """A part prints symbols and answers; add a new symbol to the resource's context."""
    known = {*symbols(), *load_config(REPOSITORY), *BLOCKS, *MODULES}
    assert meta.find_undeclared_variables(parse(part)) - known == set()


@each_part
def test_conditions_are_complete(part: Path) -> None:
    """Blocks depend on the resource's context, or on an attribute of an item."""
    known = article().keys() | EXISTING
    unknown = {name for name in conditions(part) if "." not in name} - known
    assert unknown == set()


def conditions(part: Path) -> Iterator[str]:
    """Yield the names in `when('owned')`, `each('field', 'fields')` and the like."""
    for call in parse(part).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in BLOCKS - UNCONDITIONAL:
            name = call.args[-1]
            if isinstance(name, nodes.Const):
                yield name.value.removeprefix("not ")


def test_every_symbol_is_printed() -> None:
    printed = {name for part in PARTS for name in meta.find_undeclared_variables(parse(part))}
    assert set(symbols()) - printed == set()
