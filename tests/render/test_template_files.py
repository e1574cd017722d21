"""The template's own files: readable Jinja with few tags."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.quick

TEMPLATE = REPOSITORY / "template"
# A `set` with a value opens no block.
BLOCK = re.compile(r"\{%-?\s*(?!set [^%]*=)(\w+).*?%\}", re.DOTALL)
EXPRESSION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
OPENING = {"if", "for", "macro", "call", "filter", "raw", "set"}
BRANCHING = {"if", "elif", "else"}
LINES_PER_BRANCH = 15


@dataclass(frozen=True)
class TemplateFile:
    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(TEMPLATE).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def is_jinja(self) -> bool:
        return self.path.suffix == ".jinja"

    @property
    def is_python(self) -> bool:
        return ".py" in re.sub(r"\{.*?\}", "", self.path.name)

    @property
    def tags(self) -> list[str]:
        """The keywords of the block tags, in order."""
        return BLOCK.findall(self.text)

    @property
    def branches(self) -> list[str]:
        return [tag for tag in self.tags if tag in BRANCHING]


def template_files() -> Iterator[TemplateFile]:
    for path in sorted(TEMPLATE.rglob("*")):
        ignored = {"__pycache__", ".ruff_cache", ".mypy_cache"} & set(path.parts)
        if path.is_file() and not ignored and path.suffix != ".pyc":
            yield TemplateFile(path)


FILES = list(template_files())
each_file = pytest.mark.parametrize("file", FILES, ids=str)
each_jinja = pytest.mark.parametrize("file", [file for file in FILES if file.is_jinja], ids=str)


@each_file
def test_suffix_says_whether_anything_is_substituted(file: TemplateFile) -> None:
    tagged = BLOCK.search(file.text) or re.search(r"(?<!\$)\{\{ |\{# ", file.text)
    in_scaffold = "scaffold" in file.path.relative_to(TEMPLATE).parts
    assert bool(tagged) == file.is_jinja or in_scaffold


@each_jinja
def test_few_tags(file: TemplateFile) -> None:
    """Allow four branches in a short file, and otherwise about one per 15 lines."""
    allowed = max(4, 1.25 * len(file.text.splitlines()) / LINES_PER_BRANCH)
    assert len(file.branches) <= allowed, "split it"


def test_few_tags_in_all() -> None:
    lines = sum(len(file.text.splitlines()) for file in FILES)
    branches = sum(len(file.branches) for file in FILES if file.is_jinja)
    assert branches <= lines / LINES_PER_BRANCH


@each_jinja
def test_shallow_nesting(file: TemplateFile) -> None:
    depth = deepest = 0
    for tag in file.tags:
        depth += (tag in OPENING) - tag.startswith("end")
        deepest = max(deepest, depth)
    assert depth == 0
    assert deepest <= 2


@each_jinja
def test_block_tags_stand_alone(file: TemplateFile) -> None:
    """Tags inside a statement are unreadable, and at the end of a line they remove the newline."""
    rest = re.sub(r"^[ \t]*\{%.*?%\}[ \t]*$", "", file.text, flags=re.MULTILINE | re.DOTALL)
    for line in rest.splitlines():
        assert not (file.is_python and "{%" in line), line
        assert not line.endswith("%}"), line


@each_jinja
def test_python_takes_tokens_only(file: TemplateFile) -> None:
    """Only lines are checked: sorted imports are an expression on a line of its own."""
    for line in file.text.splitlines() if file.is_python else []:
        for expression in EXPRESSION.findall(line):
            assert re.fullmatch(r"[\w.]+", expression) or EXPRESSION.fullmatch(line), line
