"""Edits of statements, whose text comes from a rendering."""

import ast
import io
import tokenize
from collections.abc import Sequence

from chassis_tools.extending.sequences import DefinitionNode, Item
from chassis_tools.scaffolding.source import Edit, NotEditableError, Source, get_line

IMPORTS = (ast.Import, ast.ImportFrom)


class Editor:
    """Inserts, replaces and deletes statements of an edited module."""

    def __init__(self, new: Source, edited: Source) -> None:
        self.new = new
        self.edited = edited
        self._comments = find_comments(edited)

    def insert(
        self,
        new: Sequence[Item[ast.stmt]],
        index: int,
        owner: ast.AST,
        edited: Sequence[Item[ast.stmt]],
    ) -> Edit:
        """Insert a statement after the one that precedes it, otherwise before the next one."""
        places = {item.key: position for position, item in enumerate(edited)}
        statement = new[index].node
        before = [places[item.key] for item in new[:index] if item.key in places]
        after = [places[item.key] for item in new[index + 1 :] if item.key in places]
        start = get_first_line_number(statement)
        if before:
            keys = {item.key for item in new}
            previous = skip_similar(edited, before[-1], statement, keys)
            is_in_list = previous > before[-1] and isinstance(statement, ast.AnnAssign)
            first = start if is_in_list else get_last_line(new[index - 1].node) + 1
            text = self._get_lines(self.new, first, statement)
            line = get_last_line(edited[previous].node) + 1
        elif after:
            line = self._find_heading(edited[after[0]].node)
            following = get_first_line_number(new[index + 1].node)
            text = self.new.text[
                self.new.get_line_start(start) : self.new.get_line_start(following)
            ]
        elif isinstance(owner, ast.ClassDef) and isinstance(statement, ast.AnnAssign) and edited:
            last = max(
                (item.node for item in edited if isinstance(item.node, ast.AnnAssign)),
                key=get_line,
                default=edited[0].node,
            )
            line = get_last_line(last) + 1
            text = self._get_lines(self.new, start, statement)
        else:
            raise NotEditableError(f"it has no place for `{get_first_line(statement)}`")
        self._reject_shared_lines(edited, statement)
        return self._insert_lines(line, text)

    def replace(self, new: ast.AST, edited: ast.AST) -> Edit:
        """Replace a node that nobody edited."""
        if not isinstance(new, ast.expr | ast.stmt) or not isinstance(edited, ast.expr | ast.stmt):
            raise NotEditableError(f"you edited line {get_line(edited)}")
        start, end = self._get_range(self.edited, edited)
        if any(start <= offset < end for offset in self._comments):
            raise NotEditableError(f"line {get_line(edited)} has a comment")
        first, last = self._get_range(self.new, new)
        text = self.new.text[first:last].replace("\n", self.edited.get_newline(1))
        return start, end, text

    def delete(self, statement: ast.stmt) -> Edit:
        """Delete a statement that the new rendering does not have, such as `pass`."""
        if not isinstance(statement, ast.Pass):
            raise NotEditableError(f"line {statement.lineno} must be deleted")
        first, last = statement.lineno, get_last_line(statement)
        return self.edited.get_line_start(first), self.edited.get_line_start(last + 1), ""

    def _insert_lines(self, line: int, text: str) -> Edit:
        source = self.edited
        start = source.get_line_start(line)
        newline = source.get_newline(1)
        text = text.replace("\n", newline)
        if start and source.text[start - 1] != "\n":
            text = newline + text.removesuffix(newline)
        return start, start, text

    def _find_heading(self, statement: ast.stmt) -> int:
        """Return the first line of the comments directly above a statement, or its own."""
        line = get_first_line_number(statement)
        while line > 1:
            start, end = self.edited.get_line_start(line - 1), self.edited.get_line_start(line)
            if not self.edited.text[start:end].strip().startswith("#"):
                break
            line -= 1
        return line

    def _get_lines(self, source: Source, first: int, statement: ast.stmt) -> str:
        end = get_last_line(statement) + 1
        text = source.text[source.get_line_start(first) : source.get_line_start(end)]
        return text if text.endswith("\n") else text + "\n"

    def _reject_shared_lines(self, edited: Sequence[Item[ast.stmt]], statement: ast.stmt) -> None:
        """Reject a block with several statements on a line, or with another indentation."""
        lines = [item.node.lineno for item in edited]
        shared = next((line for line in lines if lines.count(line) > 1), None)
        if shared:
            raise NotEditableError(f"line {shared} contains several statements")
        for item in edited:
            if item.node.col_offset != statement.col_offset:
                raise NotEditableError(f"line {item.node.lineno} has another indentation")

    def _get_range(self, source: Source, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return the offsets of a node, with the decorators of a definition."""
        start = source.get_start(node)
        if isinstance(node, DefinitionNode) and node.decorator_list:
            line_start = source.get_line_start(get_first_line_number(node))
            start = line_start + node.col_offset
        return start, source.get_end(node)


def skip_similar(
    edited: Sequence[Item[ast.stmt]],
    index: int,
    statement: ast.stmt,
    keys: set[tuple[str, int]],
) -> int:
    """Return the last of the team's own statements of this kind after one, or its own index.

    A new field follows the fields that the team added, and no statement divides the imports.
    """
    kinds: list[type[ast.stmt]] = []
    kinds += [ast.AnnAssign] if isinstance(statement, ast.AnnAssign) else []
    kinds += IMPORTS if isinstance(edited[index].node, IMPORTS) else []
    for position in range(index + 1, len(edited)):
        item = edited[position]
        is_import = isinstance(item.node, IMPORTS)
        if type(item.node) not in kinds or (item.key in keys and not is_import):
            break
        index = position
    return index


def get_first_line_number(statement: ast.stmt) -> int:
    """Return the line where a statement starts, with its decorators."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(node.lineno for node in decorators)])


def get_last_line(statement: ast.stmt) -> int:
    """Return the line where a statement ends."""
    return statement.end_lineno or statement.lineno


def get_first_line(statement: ast.stmt) -> str:
    """Return the first line of a statement's code."""
    return ast.unparse(statement).partition("\n")[0]


def find_comments(source: Source) -> list[int]:
    """Return the offsets of the comments in a module."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text, newline="\n").readline)
    return [
        source.get_line_start(token.start[0]) + token.start[1]
        for token in tokens
        if token.type == tokenize.COMMENT
    ]
