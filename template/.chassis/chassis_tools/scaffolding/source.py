"""Python source with its syntax tree and positions, for edits that keep the formatting."""

import ast
import io
import itertools
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator

Edit = tuple[int, int, str]
"""Start and end offset, and the replacement."""
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
NaturalKey = list[tuple[int, bool, int, str]]


class NotEditableError(Exception):
    """Raised with the reason why a module must be edited by hand."""


class Source:
    """A module's text and syntax tree; lines start at 1, as in the tree, and offsets at 0."""

    def __init__(self, text: str) -> None:
        if "\r" in text.replace("\r\n", ""):
            raise NotEditableError("its lines end in carriage returns")
        self.text = text
        self.tree = parse(text)
        self._lines = io.StringIO(text, newline="\n").readlines()
        self._starts = [*itertools.accumulate(map(len, self._lines), initial=0)]

    def get_start(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Return the offset where the node starts."""
        return self._get_offset(node.lineno, node.col_offset)

    def get_end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Return the offset where the node ends."""
        return self._get_offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def get_line_start(self, line: int) -> int:
        """Return the offset where the line starts; the end of the text after the last line."""
        return self._starts[min(line, len(self._starts)) - 1]

    def find_line(self, offset: int) -> int:
        """Return the line that contains the offset."""
        return min(bisect_right(self._starts, offset), len(self._lines))

    def get_newline(self, line: int) -> str:
        """Return the line's ending; for a last line without one, the first line's ending."""
        is_terminated = self._lines[line - 1].endswith("\n")
        return "\r\n" if self._lines[line - 1 if is_terminated else 0].endswith("\r\n") else "\n"

    def get_indent(self, offset: int) -> str | None:
        """Return the whitespace before the offset; None if there is other text before it."""
        before = self.text[self.get_line_start(self.find_line(offset)) : offset]
        return before if not before.strip() else None

    def is_end_of_line(self, offset: int) -> bool:
        """Return True if at most a comment follows on the line."""
        return bool(re.compile(r"[ \t\f]*(#[^\n]*)?\r?(\n|$)").match(self.text, offset))

    def get_line_range(self, statement: ast.stmt) -> tuple[int, int]:
        """Return the first and last line of a top-level statement and of others on its lines."""
        first, last = 0, 0
        for other in self.tree.body:
            decorators: list[ast.expr] = getattr(other, "decorator_list", [])
            start = min([other.lineno, *(node.lineno for node in decorators)])
            if start > last and statement.lineno <= last:
                break
            first = start if start > last else first
            last = other.end_lineno or start
        return first, last

    def is_alone_on_lines(self, statement: ast.stmt) -> bool:
        """Return True if no other top-level statement shares the statement's lines."""
        first, last = self.get_line_range(statement)
        return sum(first <= other.lineno <= last for other in self.tree.body) == 1

    def apply_edits(self, edits: list[Edit]) -> str:
        """Return the text after edits that do not overlap."""
        text = self.text
        for start, end, replacement in sorted(edits, reverse=True):
            text = text[:start] + replacement + text[end:]
        return text

    def _get_offset(self, line: int, column: int) -> int:
        """Convert the tree's column, which counts bytes, to an offset."""
        before = self._lines[line - 1].encode()[:column].decode()
        return self._starts[line - 1] + len(before)


def parse(text: str) -> ast.Module:
    """Parse a module; raise NotEditableError if it is invalid."""
    try:
        return parse_quietly(text)
    except SyntaxError as error:
        raise NotEditableError(f"line {error.lineno} is not valid Python") from None
    except (ValueError, RecursionError):
        raise NotEditableError("it is not valid Python") from None


def parse_quietly(text: str) -> ast.Module:
    """Parse a module without warnings about its code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def walk_module_level(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes outside the bodies of functions and classes."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, SCOPES):
            yield from walk_module_level(child)


def find_bindings(tree: ast.Module, name: str) -> list[ast.AST]:
    """Return the module-level nodes that bind or delete the name."""
    return [node for node in walk_module_level(tree) if get_bound_name(node) == name]


def get_bound_name(node: ast.AST) -> str | None:
    """Return the name that a node binds or deletes, or None."""
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


def get_line(node: ast.AST) -> int:
    """Return the line of a node; 0 if it has none."""
    return int(getattr(node, "lineno", 0))


def natural_key(text: str) -> NaturalKey:
    """Return a sort key that puts `a2` before `a10`; a number with a leading 0 sorts as text."""
    parts: list[str] = re.findall(r"[0-9]+|[^0-9]", text)
    return [natural_part_key(part) for part in parts]


def natural_part_key(part: str) -> tuple[int, bool, int, str]:
    """Return the sort key of a number or character; numbers sort where digits do."""
    if not (part.isascii() and part.isdigit()):
        return ord(part), False, 0, ""
    is_numeric = part[0] != "0"
    return ord("0"), is_numeric, len(part) if is_numeric else 0, part


def module_sort_key(module: str) -> tuple[NaturalKey, NaturalKey]:
    """Return ruff's sort key of an imported module."""
    return natural_key(module.lower()), natural_key(module)


def name_sort_key(name: str) -> tuple[int, NaturalKey]:
    """Return ruff's sort key of a name in `__all__`: constants, classes, then the rest."""
    if len(name) > 1 and name.isupper():
        return 0, natural_key(name)
    return (1 if name[:1].isupper() else 2), natural_key(name)
