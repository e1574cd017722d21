"""Three-way merges: what changed between two renderings of a module, done in an edited version."""

import ast
import io
import tokenize
from collections.abc import Sequence

from chassis_tools.extending.import_names import add_imports
from chassis_tools.extending.sequences import (
    Bracketed,
    DefinitionNode,
    Item,
    key_statements,
    read_brackets,
)
from chassis_tools.scaffolding.source import Edit, NotEditableError, Source, get_line

IMPORTS = (ast.Import, ast.ImportFrom)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
MAX_ROUNDS = 500


def merge_module(base: str, new: str, edited: str) -> str:
    """Return the edited module with the changes between two renderings, and no other change.

    Raise NotEditableError if a change has no certain place in it.
    """
    text = add_imports(Source(base), Source(new), edited)
    for _ in range(MAX_ROUNDS):
        merge = Merge(Source(base), Source(new), Source(text))
        edits = merge.find_edits()
        if not edits:
            return text
        text = merge.edited.apply_edits(edits)
    raise NotEditableError("its format is not supported")


class Merge:
    """The versions of a module: two renderings, and the second version's edited predecessor."""

    def __init__(self, base: Source, new: Source, edited: Source) -> None:
        self.base = base
        self.new = new
        self.edited = edited
        self._comments = find_comments(edited)

    def find_edits(self) -> list[Edit]:
        """Return the edits of missing changes; raise NotEditableError if one has no place.

        Of changes that adjoin each other, return the first: the next one is placed after it.
        """
        edits: list[Edit] = []
        end = -1
        groups = self._merge_block(self.base.tree.body, self.new.tree.body, self.edited.tree)
        for group in sorted(groups, key=get_first_offset):
            if get_first_offset(group) > end:
                edits += group
                end = max(last for _, last, _ in group)
        return edits

    def _merge_node(self, base: ast.AST, new: ast.AST, edited: ast.AST) -> list[list[Edit]]:
        """Return the edits of each change of a node."""
        if is_same(base, new) or is_same(edited, new):
            return []
        error = NotEditableError(f"you edited line {get_line(edited)}")
        if type(base) is type(new) is type(edited):
            try:
                return self._merge_children(base, new, edited)
            except NotEditableError as reason:
                error = reason
        if is_same(base, edited):
            return [[self._replace(new, edited)]]
        raise error

    def _merge_children(self, base: ast.AST, new: ast.AST, edited: ast.AST) -> list[list[Edit]]:
        groups: list[list[Edit]] = []
        done = {"ctx", "type_comment", "kind"}
        brackets = self._read_brackets(base, new, edited)
        if brackets:
            groups += self._merge_entries(*brackets)
            done |= {"elts", "keys", "values", "slice", "args", "keywords"}
        for name in edited._fields:
            if name in done:
                continue
            values = [getattr(node, name) for node in (base, new, edited)]
            if isinstance(values[0], list) and any(
                isinstance(value, ast.stmt) for value in values[0]
            ):
                groups += self._merge_block(values[0], values[1], edited, name)
            elif isinstance(values[0], list):
                groups += self._merge_lists(*values, line=get_line(edited))
            elif all(isinstance(value, ast.AST) for value in values):
                groups += self._merge_node(*values)
            elif values[0] != values[1]:
                raise NotEditableError(f"you edited line {get_line(edited)}")
        return groups

    def _read_brackets(
        self, base: ast.AST, new: ast.AST, edited: ast.AST
    ) -> tuple[Bracketed, Bracketed, Bracketed] | None:
        read = [
            read_brackets(source, node)
            for source, node in ((self.base, base), (self.new, new), (self.edited, edited))
        ]
        first, second, third = read
        return (first, second, third) if first and second and third else None

    def _merge_lists(
        self,
        base: Sequence[ast.AST],
        new: Sequence[ast.AST],
        edited: Sequence[ast.AST],
        *,
        line: int,
    ) -> list[list[Edit]]:
        """Merge lists that have no separators to insert at, such as decorators."""
        if [*map(dump, base)] == [*map(dump, new)]:
            return []
        if not len(base) == len(new) == len(edited):
            raise NotEditableError(f"you edited line {line}")
        nodes = zip(base, new, edited, strict=True)
        return [group for versions in nodes for group in self._merge_node(*versions)]

    def _merge_entries(
        self, base: Bracketed, new: Bracketed, edited: Bracketed
    ) -> list[list[Edit]]:
        """Merge the entries in brackets: each new one follows the entry that precedes it."""
        before = {item.key: item.node for item in base.items}
        present = {item.key: item.node for item in edited.items}
        if missing := before.keys() - {item.key for item in new.items}:
            raise NotEditableError(f"{min(missing)[0]} is not in it any longer")
        groups: list[list[Edit]] = []
        for index, item in enumerate(new.items):
            if item.key in present and item.key in before:
                groups += self._merge_node(before[item.key], item.node, present[item.key])
            elif item.key in present:
                if not is_same(item.node, present[item.key]):
                    raise NotEditableError(f"you edited line {get_line(present[item.key])}")
            elif item.key not in before:
                place = find_place(new.items, index, edited.items)
                text = new.entries.get_text(index)
                groups.append(edited.entries.insert(place, text))
            elif not is_same(before[item.key], item.node):
                raise NotEditableError(f"it has no `{ast.unparse(item.node)}`")
        return groups

    def _merge_block(
        self,
        base: Sequence[ast.stmt],
        new: Sequence[ast.stmt],
        owner: ast.AST,
        field: str = "body",
    ) -> list[list[Edit]]:
        """Merge the statements of a block."""
        edited = key_statements(getattr(owner, field))
        new_items = key_statements(new)
        origins = pair_statements(key_statements(base), new_items)
        present = {item.key: item.node for item in edited}
        groups: list[list[Edit]] = []
        for index, (item, origin) in enumerate(zip(new_items, origins, strict=True)):
            if isinstance(owner, ast.Module) and isinstance(item.node, IMPORTS):
                continue  # Imports are merged before.
            counterpart = present.get(origin.key if origin else item.key) or present.get(item.key)
            if origin and is_same(origin.node, item.node):
                continue
            if origin and counterpart:
                groups += self._merge_node(origin.node, item.node, counterpart)
            elif origin:
                raise NotEditableError(f"it has no `{get_first_line(origin.node)}`")
            elif counterpart:
                groups += self._merge_addition(item.node, counterpart)
            else:
                groups.append([self._insert_statement(new_items, index, owner, edited)])
        kept = {origin.key for origin in origins if origin}
        for item in key_statements(base):
            if item.key not in kept and item.key in present:
                groups.append([self._delete(present[item.key])])
        return groups

    def _merge_addition(self, new: ast.stmt, edited: ast.stmt) -> list[list[Edit]]:
        """Merge a new statement into one that the team added for the same name."""
        values = getattr(new, "value", None), getattr(edited, "value", None)
        if is_same(new, edited):
            return []
        if all(isinstance(value, ast.Tuple | ast.List | ast.Dict) for value in values):
            added, present = values
            if added and present and type(added) is type(present):
                brackets = read_brackets(self.new, added), read_brackets(self.edited, present)
                if brackets[0] and brackets[1]:
                    keys = {item.key for item in brackets[1].items}
                    return [
                        brackets[1].entries.insert(0, brackets[0].entries.get_text(index))
                        for index, item in enumerate(brackets[0].items)
                        if item.key not in keys
                    ]
        raise NotEditableError(f"line {get_line(edited)} already defines this name")

    def _insert_statement(
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
            text = self._get_lines(self.new, get_last_line(new[index - 1].node) + 1, statement)
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

    def _delete(self, statement: ast.stmt) -> Edit:
        """Delete a statement that the new rendering does not have, such as `pass`."""
        if not isinstance(statement, ast.Pass):
            raise NotEditableError(f"line {statement.lineno} must be deleted")
        first, last = statement.lineno, get_last_line(statement)
        return self.edited.get_line_start(first), self.edited.get_line_start(last + 1), ""

    def _replace(self, new: ast.AST, edited: ast.AST) -> Edit:
        """Replace a node that nobody edited."""
        if not isinstance(new, ast.expr | ast.stmt) or not isinstance(edited, ast.expr | ast.stmt):
            raise NotEditableError(f"you edited line {get_line(edited)}")
        start, end = self._get_range(self.edited, edited)
        if any(start <= offset < end for offset in self._comments):
            raise NotEditableError(f"line {get_line(edited)} has a comment")
        first, last = self._get_range(self.new, new)
        text = self.new.text[first:last].replace("\n", self.edited.get_newline(1))
        return start, end, text

    def _get_range(self, source: Source, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return the offsets of a node, with the decorators of a definition."""
        start = source.get_start(node)
        if isinstance(node, DefinitionNode) and node.decorator_list:
            line_start = source.get_line_start(get_first_line_number(node))
            start = line_start + node.col_offset
        return start, source.get_end(node)


def is_same(first: ast.AST, second: ast.AST) -> bool:
    """Return True if two nodes have the same code, however it is formatted."""
    return dump(first) == dump(second)


def dump(node: ast.AST) -> str:
    """Return the code of a node without its format."""
    return ast.dump(node)


def pair_statements(
    base: Sequence[Item[ast.stmt]], new: Sequence[Item[ast.stmt]]
) -> list[Item[ast.stmt] | None]:
    """Return the statement of the first rendering that each of the second replaces, or None."""
    by_key = {item.key: item for item in base}
    taken = {item.key for item in new}
    free = [item for item in base if item.key not in taken]
    origins: list[Item[ast.stmt] | None] = []
    for item in new:
        origin = by_key.get(item.key)
        if origin is None:
            origin = next((other for other in free if is_edited_text(other, item)), None)
            free = [other for other in free if other is not origin]
        origins.append(origin)
    return origins


def is_edited_text(base: Item[ast.stmt], new: Item[ast.stmt]) -> bool:
    """Return True if a statement without a name can be another version of the other one."""
    has_name = base.key[0].partition(" ")[0] in ("define", "assign", "from", "for", "if")
    return not has_name and type(base.node) is type(new.node)


def find_place(new: Sequence[Item[ast.AST]], index: int, edited: Sequence[Item[ast.AST]]) -> int:
    """Return the index at which to insert a new entry."""
    places = {item.key: position for position, item in enumerate(edited)}
    for item in reversed(new[:index]):
        if item.key in places:
            return places[item.key] + 1
    for item in new[index + 1 :]:
        if item.key in places:
            return places[item.key]
    return len(edited)


def skip_similar(
    edited: Sequence[Item[ast.stmt]],
    index: int,
    statement: ast.stmt,
    keys: set[tuple[str, int]],
) -> int:
    """Return the last of the team's own statements of this kind after one, or its own index.

    A new field follows the fields that the team added, and no statement divides the imports.
    """
    kinds = [type(statement)] if isinstance(statement, ast.AnnAssign) else []
    kinds += [*IMPORTS] if isinstance(edited[index].node, IMPORTS) else []
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


def get_first_offset(edits: Sequence[Edit]) -> int:
    """Return the offset at which the first of the edits starts."""
    return min(start for start, _, _ in edits)
