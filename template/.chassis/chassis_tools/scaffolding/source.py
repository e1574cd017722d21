"""Python source that is edited entry by entry."""

import ast
import io
import itertools
import re
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

Edit = tuple[int, int, str]
"""Start and end offset, and the replacement."""
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
LAYOUT_TOKENS = {tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE, tokenize.ENDMARKER}
NaturalKey = list[tuple[int, bool, int, str]]


class NotEditableError(Exception):
    """Raised with the reason why a source must be edited by hand."""


class Source:
    """A module's text and syntax tree; lines count from 1 as in the tree, offsets from 0."""

    def __init__(self, text: str) -> None:
        if "\r" in text.replace("\r\n", ""):
            raise NotEditableError("its lines end in carriage returns")
        self.text = text
        self.tree = parse(text)
        self._lines = io.StringIO(text, newline="\n").readlines()
        self._starts = [*itertools.accumulate(map(len, self._lines), initial=0)]

    def start(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Return the offset where the node starts."""
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Return the offset where the node ends."""
        return self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def line_start(self, line: int) -> int:
        """Return the offset where the line starts; the end of the text after the last line."""
        return self._starts[min(line, len(self._starts)) - 1]

    def find_line(self, offset: int) -> int:
        """Return the line that contains the offset."""
        return min(bisect_right(self._starts, offset), len(self._lines))

    def newline(self, line: int) -> str:
        """Return the line's ending; the first line's if this is an unterminated last line."""
        is_terminated = self._lines[line - 1].endswith("\n")
        return "\r\n" if self._lines[line - 1 if is_terminated else 0].endswith("\r\n") else "\n"

    def indent(self, offset: int) -> str | None:
        """Return the whitespace before the offset; None if there is other text before it."""
        before = self.text[self.line_start(self.find_line(offset)) : offset]
        return before if not before.strip() else None

    def is_end_of_line(self, offset: int) -> bool:
        """Return True if only a comment follows in the line."""
        return bool(re.compile(r"[ \t\f]*(#[^\n]*)?\r?(\n|$)").match(self.text, offset))

    def line_range(self, statement: ast.stmt) -> tuple[int, int]:
        """Return the first and last line of a top-level statement and of those on its lines."""
        first, last = 0, 0
        for other in self.tree.body:
            decorators: list[ast.expr] = getattr(other, "decorator_list", [])
            start = min([other.lineno, *(node.lineno for node in decorators)])
            if start > last and statement.lineno <= last:
                break
            first = start if start > last else first
            last = other.end_lineno or start
        return first, last

    def is_alone_in_lines(self, statement: ast.stmt) -> bool:
        """Return True if no other top-level statement shares the statement's lines."""
        first, last = self.line_range(statement)
        return sum(first <= other.lineno <= last for other in self.tree.body) == 1

    def apply_edits(self, edits: list[Edit]) -> str:
        """Return the text after edits that do not overlap."""
        text = self.text
        for start, end, replacement in sorted(edits, reverse=True):
            text = text[:start] + replacement + text[end:]
        return text

    def _offset(self, line: int, column: int) -> int:
        """Convert the tree's column, which counts bytes, to an offset."""
        before = self._lines[line - 1].encode()[:column].decode()
        return self._starts[line - 1] + len(before)


@dataclass(frozen=True)
class Entry:
    """The offsets of an entry and of the comma after it."""

    start: int
    end: int
    comma: int | None

    @property
    def end_with_comma(self) -> int:
        """Offset where the entry ends, including its comma."""
        return self.end if self.comma is None else self.comma + 1


class Entries:
    """The comma-separated entries between two offsets."""

    def __init__(self, source: Source, start: int, end: int, *, is_tuple: bool = False) -> None:
        self._source = source
        self._start = start
        self._end = end
        self._is_tuple = is_tuple
        self._entries = split_entries(source.text[start:end], start)

    @classmethod
    def of_list(cls, source: Source, node: ast.List | ast.Tuple) -> "Entries":
        """Return the entries of a list, or of a tuple in parentheses."""
        start, end = source.start(node), source.end(node)
        if source.text[start] not in "[(":
            raise NotEditableError("it has a tuple without parentheses")
        return cls(source, start + 1, end - 1, is_tuple=isinstance(node, ast.Tuple))

    @classmethod
    def of_import(cls, source: Source, statement: ast.ImportFrom) -> "Entries":
        """Return the names that a statement imports."""
        start, end = source.start(statement.names[0]), source.end(statement)
        if source.text[end - 1] == ")":
            start, end = source.text.index("(", source.start(statement)) + 1, end - 1
        return cls(source, start, end)

    def __len__(self) -> int:
        return len(self._entries)

    def insert(self, index: int, text: str) -> list[Edit]:
        """Return the edits that insert an entry, on its own line if the others have their own."""
        if not self._entries:
            return [(self._start, self._start, self._format_first(text))]
        if index == len(self._entries):
            return self._append(text)
        follower = self._entries[index]
        indent = self._source.indent(follower.start)
        if indent is None:
            return [(follower.start, follower.start, f"{text}, ")]
        # A comment above the first entry is a heading; above another, it describes that entry.
        line = self._source.find_line(follower.start)
        if index:
            line = self._source.find_line(self._entries[index - 1].end_with_comma - 1) + 1
        return [self._insert_line(line, f"{indent}{text},")]

    def delete(self, index: int) -> list[Edit]:
        """Return the edits that delete an entry, with its line if it has its own."""
        entry = self._entries[index]
        if self._text == self._format_line(self._source.text[entry.start : entry.end]):
            return [(self._start, self._end, "")]
        is_last = index == len(self._entries) - 1
        before = self._entries[index - 1] if index else None
        if self._has_own_lines(entry):
            edits = [self._delete_lines(entry)]
            if is_last and before and entry.comma is None:
                edits += self._delete_comma(before)
        elif before and is_last:
            edits = [*self._delete_comma(before), (self._skip_back(entry.start), entry.end, "")]
        else:
            edits = [(entry.start, self._skip(entry.end_with_comma, is_last=is_last), "")]
        rest = self._entries[1] if index == 0 and len(self._entries) == 2 else None
        if self._is_tuple and rest and rest.comma is None:
            edits.append((rest.end, rest.end, ","))
        return edits

    @property
    def _text(self) -> str:
        return self._source.text[self._start : self._end]

    def _format_first(self, text: str) -> str:
        """Format the first entry; between empty brackets it gets a line, as others will follow."""
        if self._is_tuple:
            return f"{text},"
        return text if self._text else self._format_line(text)

    def _format_line(self, text: str) -> str:
        newline = self._source.newline(self._source.find_line(self._start))
        return f"{newline}    {text},{newline}"

    def _append(self, text: str) -> list[Edit]:
        last = self._entries[-1]
        indent = self._source.indent(last.start)
        line = self._source.find_line(last.end_with_comma - 1)
        if indent is None or line == self._source.find_line(self._end):
            return [(last.end, last.end, f", {text}")]
        if last.comma is None:
            return [(last.end, last.end, ","), self._insert_line(line + 1, f"{indent}{text}")]
        return [self._insert_line(line + 1, f"{indent}{text},")]

    def _insert_line(self, line: int, text: str) -> Edit:
        start = self._source.line_start(line)
        return start, start, text + self._source.newline(line - 1)

    def _delete_lines(self, entry: Entry) -> Edit:
        first = self._source.find_line(entry.start)
        last = self._source.find_line(entry.end_with_comma - 1)
        return self._source.line_start(first), self._source.line_start(last + 1), ""

    def _has_own_lines(self, entry: Entry) -> bool:
        starts_line = self._source.indent(entry.start) is not None
        end = entry.end_with_comma
        return starts_line and self._source.is_end_of_line(end) and end < self._end

    def _delete_comma(self, entry: Entry) -> list[Edit]:
        """Return the edit that deletes an entry's comma; none if the tuple needs it."""
        is_needed = self._is_tuple and len(self._entries) == 2
        if entry.comma is None or (is_needed and self._entries[-1].comma is None):
            return []
        return [(entry.comma, entry.comma + 1, "")]

    def _skip(self, offset: int, *, is_last: bool) -> int:
        while not is_last and self._source.text[offset] in " \t":
            offset += 1
        return offset

    def _skip_back(self, offset: int) -> int:
        while self._source.text[offset - 1] in " \t":
            offset -= 1
        return offset


def parse(text: str) -> ast.Module:
    """Parse a module and suppress the warnings about its code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except SyntaxError as error:
            raise NotEditableError(f"line {error.lineno} is not valid Python") from None
        except (ValueError, RecursionError):
            raise NotEditableError("it is not valid Python") from None


def walk_module_level(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run at import, without the bodies of functions and classes."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, SCOPES):
            yield from walk_module_level(child)


def find_bindings(tree: ast.Module, name: str) -> list[ast.AST]:
    """Return the nodes that bind or delete a module's name."""
    return [node for node in walk_module_level(tree) if get_bound_name(node) == name]


def get_bound_name(node: ast.AST) -> str | None:
    """Return the name that a node binds."""
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
    """Return the line of a node."""
    return int(getattr(node, "lineno", 0))


def split_entries(text: str, offset: int) -> list[Entry]:
    """Split a text, which starts at the offset, into its entries."""
    entries: list[Entry] = []
    depth, start, end = 0, -1, -1
    for bracket, first, last in read_tokens(text, offset):
        if depth == 0 and first >= offset:
            raise NotEditableError("it has a tuple without parentheses")
        depth -= bracket in {")", "]", "}"}
        if start >= 0 and (depth == 0 or (depth == 1 and bracket == ",")):
            entries.append(Entry(start, end, first if bracket == "," else None))
            start = -1
        elif depth:
            start, end = (start if start >= 0 else first), last
        depth += bracket in {"(", "[", "{"}
    return entries


def read_tokens(text: str, offset: int) -> Iterator[tuple[str, int, int]]:
    """Yield each token's operator, start and end, with parentheses around the text."""
    rows = io.StringIO(f"({text})", newline="\n").readlines()
    starts = [*itertools.accumulate(map(len, rows), initial=offset - 1)]
    for token in tokenize.generate_tokens(iter(rows).__next__):
        if token.type not in LAYOUT_TOKENS:
            first, last = (starts[row - 1] + column for row, column in (token.start, token.end))
            yield token.string if token.type == tokenize.OP else "", first, last


def natural_key(text: str) -> NaturalKey:
    """Return a sort key that puts `a2` before `a10`; numbers with a leading 0 sort as text."""
    parts: list[str] = re.findall(r"[0-9]+|[^0-9]", text)
    return [natural_part_key(part) for part in parts]


def natural_part_key(part: str) -> tuple[int, bool, int, str]:
    """Return the key of a number or character; numbers sort at the place of the digits."""
    if not (part.isascii() and part.isdigit()):
        return ord(part), False, 0, ""
    counts = part[0] != "0"
    return ord("0"), counts, len(part) if counts else 0, part


def module_sort_key(module: str) -> tuple[NaturalKey, NaturalKey]:
    """Return ruff's sort key of a module among imports."""
    return natural_key(module.lower()), natural_key(module)


def name_sort_key(name: str) -> tuple[int, NaturalKey]:
    """Return ruff's sort key of a name in `__all__`: constants, classes, then the rest."""
    if len(name) > 1 and name.isupper():
        return 0, natural_key(name)
    return (1 if name[:1].isupper() else 2), natural_key(name)
