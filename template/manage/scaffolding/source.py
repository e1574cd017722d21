"""Python source that is edited where its syntax tree points, and kept as it is elsewhere."""

import ast
import io
import itertools
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator

Edit = tuple[int, int, str]
"""From here to there, this instead."""

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class NotEditableError(Exception):
    """Says why a source had better be edited by hand."""


class Source:
    """A module's text and tree; lines count from 1 as in the tree, offsets from 0."""

    def __init__(self, text: str) -> None:
        if "\r" in text.replace("\r\n", ""):
            raise NotEditableError("its lines end in carriage returns")
        self.text = text
        self.tree = parse(text)
        self._lines = io.StringIO(text, newline="\n").readlines()
        self._starts = [*itertools.accumulate(map(len, self._lines), initial=0)]

    def start(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Where the node starts."""
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Where the node ends."""
        return self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def line_start(self, line: int) -> int:
        """Where the line starts; the text's end for the line after the last."""
        return self._starts[min(line, len(self._starts)) - 1]

    def line_of(self, offset: int) -> int:
        """The line that the offset is in."""
        return min(bisect_right(self._starts, offset), len(self._lines))

    def newline(self, line: int) -> str:
        """How the line ends, or the first one if this one is the last and does not."""
        ends = self._lines[line - 1].endswith("\n")
        return "\r\n" if self._lines[line - 1 if ends else 0].endswith("\r\n") else "\n"

    def indent(self, offset: int) -> str | None:
        """What precedes the offset in its line, unless that is more than space."""
        before = self.text[self.line_start(self.line_of(offset)) : offset]
        return before if not before.strip() else None

    def ends_line(self, offset: int) -> bool:
        """Whether nothing follows in the line but a comment."""
        return bool(re.compile(r"[ \t\f]*(#[^\n]*)?\r?(\n|$)").match(self.text, offset))

    def lines(self, statement: ast.stmt) -> tuple[int, int]:
        """The first and last line of a statement at the top level and of those it shares them with."""
        first, last = 0, 0
        for other in self.tree.body:
            decorators: list[ast.expr] = getattr(other, "decorator_list", [])
            start = min([other.lineno, *(node.lineno for node in decorators)])
            if start > last and statement.lineno <= last:
                break
            first = start if start > last else first
            last = other.end_lineno or start
        return first, last

    def stands_alone(self, statement: ast.stmt) -> bool:
        """Whether a statement at the top level has its lines for itself."""
        first, last = self.lines(statement)
        return sum(first <= other.lineno <= last for other in self.tree.body) == 1

    def edited(self, edits: list[Edit]) -> str:
        """The text after edits, none of which overlap."""
        text = self.text
        for start, end, replacement in sorted(edits, reverse=True):
            text = text[:start] + replacement + text[end:]
        return text

    def _offset(self, line: int, column: int) -> int:
        """The tree counts columns in bytes."""
        before = self._lines[line - 1].encode()[:column].decode()
        return self._starts[line - 1] + len(before)


def parse(text: str) -> ast.Module:
    """The syntax tree, without the warnings that running the module will give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except SyntaxError as error:
            raise NotEditableError(f"line {error.lineno} is not valid Python") from None
        except (ValueError, RecursionError):
            raise NotEditableError("it is not valid Python") from None


def module_level(node: ast.AST) -> Iterator[ast.AST]:
    """What runs at import, conditions and loops included, bodies of functions and classes not."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, SCOPES):
            yield from module_level(child)


def bindings(tree: ast.Module, name: str) -> list[ast.AST]:
    """What gives the module's name a value, or takes it."""
    return [node for node in module_level(tree) if bound_name(node) == name]


def bound_name(node: ast.AST) -> str | None:
    """The name that this node binds."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return name
        case ast.alias(name=name, asname=None):
            return name.partition(".")[0]
        case ast.alias(asname=name):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return name
    return None


def line_of(node: ast.AST) -> int:
    """The line that a reader finds the node on."""
    return int(getattr(node, "lineno", 0))
