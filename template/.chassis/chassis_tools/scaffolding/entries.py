"""Edits that insert or delete an entry of a list, tuple or import."""

import ast
import io
import itertools
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from chassis_tools.scaffolding.source import Edit, NotEditableError, Source

LAYOUT_TOKENS = {tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Entry:
    """The offsets of an entry and of the comma after it; None without a comma."""

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
        start, end = source.get_start(node), source.get_end(node)
        if source.text[start] not in "[(":
            raise NotEditableError("it has a tuple without parentheses")
        return cls(source, start + 1, end - 1, is_tuple=isinstance(node, ast.Tuple))

    @classmethod
    def of_import(cls, source: Source, statement: ast.ImportFrom) -> "Entries":
        """Return the names that a statement imports."""
        start, end = source.get_start(statement.names[0]), source.get_end(statement)
        if source.text[end - 1] == ")":
            start, end = source.text.index("(", source.get_start(statement)) + 1, end - 1
        return cls(source, start, end)

    def __len__(self) -> int:
        return len(self._entries)

    def get_text(self, index: int) -> str:
        """Return the source of an entry."""
        entry = self._entries[index]
        return self._source.text[entry.start : entry.end]

    def insert(self, index: int, text: str) -> list[Edit]:
        """Return the edits that insert an entry; it gets its own line if the others have one."""
        if not self._entries:
            return [(self._start, self._start, self._format_first(text))]
        if index == len(self._entries):
            return self._append(text)
        follower = self._entries[index]
        indent = self._source.get_indent(follower.start)
        if indent is None:
            return [(follower.start, follower.start, f"{text}, ")]
        # A comment above the first entry is a heading; above another, it describes that entry.
        line = self._source.find_line(follower.start)
        if index:
            line = self._source.find_line(self._entries[index - 1].end_with_comma - 1) + 1
        return [self._insert_line(line, f"{indent}{text},")]

    def delete(self, index: int) -> list[Edit]:
        """Return the edits that delete an entry, and its line if no other text is on it."""
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
        remaining = self._entries[1] if index == 0 and len(self._entries) == 2 else None
        if self._is_tuple and remaining and remaining.comma is None:
            edits.append((remaining.end, remaining.end, ","))
        return edits

    @property
    def _text(self) -> str:
        return self._source.text[self._start : self._end]

    def _format_first(self, text: str) -> str:
        """Format the first entry; in empty brackets it gets its own line, as later entries do."""
        if self._is_tuple:
            return f"{text},"
        return text if self._text else self._format_line(text)

    def _format_line(self, text: str) -> str:
        newline = self._source.get_newline(self._source.find_line(self._start))
        return f"{newline}    {text},{newline}"

    def _append(self, text: str) -> list[Edit]:
        last = self._entries[-1]
        indent = self._source.get_indent(last.start)
        line = self._source.find_line(last.end_with_comma - 1)
        if indent is None or line == self._source.find_line(self._end):
            return [(last.end, last.end, f", {text}")]
        if last.comma is None:
            return [(last.end, last.end, ","), self._insert_line(line + 1, f"{indent}{text}")]
        return [self._insert_line(line + 1, f"{indent}{text},")]

    def _insert_line(self, line: int, text: str) -> Edit:
        start = self._source.get_line_start(line)
        return start, start, text + self._source.get_newline(line - 1)

    def _delete_lines(self, entry: Entry) -> Edit:
        first = self._source.find_line(entry.start)
        last = self._source.find_line(entry.end_with_comma - 1)
        return self._source.get_line_start(first), self._source.get_line_start(last + 1), ""

    def _has_own_lines(self, entry: Entry) -> bool:
        starts_line = self._source.get_indent(entry.start) is not None
        end = entry.end_with_comma
        return starts_line and self._source.is_end_of_line(end) and end < self._end

    def _delete_comma(self, entry: Entry) -> list[Edit]:
        """Return the edit that deletes an entry's comma, unless the tuple needs it."""
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


def split_entries(text: str, offset: int) -> list[Entry]:
    """Split a text into its entries; `offset` is the offset of the text in the module."""
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
    """Put the text in parentheses; yield the operator (or ""), start and end of each token."""
    rows = io.StringIO(f"({text})", newline="\n").readlines()
    starts = [*itertools.accumulate(map(len, rows), initial=offset - 1)]
    for token in tokenize.generate_tokens(iter(rows).__next__):
        if token.type not in LAYOUT_TOKENS:
            first, last = (starts[row - 1] + column for row, column in (token.start, token.end))
            yield token.string if token.type == tokenize.OP else "", first, last
