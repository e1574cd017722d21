"""Three-way merges: what changed between two renderings of a module, done in an edited version."""

import ast
from collections.abc import Sequence

from chassis_tools.extending.import_names import add_imports, reject_other_bindings
from chassis_tools.extending.sequences import (
    Bracketed,
    Item,
    key_statements,
    read_brackets,
)
from chassis_tools.extending.statements import IMPORTS, Editor, get_first_line
from chassis_tools.scaffolding.source import Edit, NotEditableError, Source, get_line

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
MAX_ROUNDS = 500


def merge_module(base: str, new: str, edited: str) -> str:
    """Return the edited module with the changes between two renderings, and no other change.

    Raise NotEditableError if a change has no certain place in it.
    """
    reject_other_bindings(Source(base), Source(new), Source(edited))
    for _ in range(MAX_ROUNDS):
        merge = Merge(Source(base), Source(new), Source(edited))
        edits = merge.find_edits()
        if not edits:
            return add_imports(edited, Source(new))
        edited = merge.edited.apply_edits(edits)
    raise NotEditableError("its format is not supported")


class Merge:
    """The versions of a module: two renderings, and the second version's edited predecessor."""

    def __init__(self, base: Source, new: Source, edited: Source) -> None:
        self.base = base
        self.new = new
        self.edited = edited
        self.editor = Editor(new, edited)

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
        is_function = isinstance(base, FUNCTIONS) and isinstance(edited, FUNCTIONS)
        if type(base) is type(new) and (type(new) is type(edited) or is_function):
            try:
                return self._merge_children(base, new, edited)
            except NotEditableError as reason:
                error = reason
        if is_same(base, edited):
            return [[self.editor.replace(new, edited)]]
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
        if before.keys() - {item.key for item in new.items}:
            raise NotEditableError("its entries are not those of the template")
        groups: list[list[Edit]] = []
        separator = ""
        for index, item in enumerate(new.items):
            if item.key in present and item.key in before:
                groups += self._merge_node(before[item.key], item.node, present[item.key])
            elif item.key in present:
                if not is_same(item.node, present[item.key]):
                    raise NotEditableError(f"you edited line {get_line(present[item.key])}")
            elif item.key not in before:
                text = separator + new.entries.get_text(index)
                # A definition cannot end with the separator `*`: insert it with what follows it.
                separator = f"{text}, " if is_separator(item) else ""
                if not separator:
                    place = find_place(new.items, index, edited.items)
                    text = text.replace("\n", self.edited.get_newline(1))
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
                continue  # They are merged by name.
            counterpart = present.get(origin.key if origin else item.key) or present.get(item.key)
            if origin and is_same(origin.node, item.node):
                continue
            if origin and counterpart:
                groups += self._merge_node(origin.node, item.node, counterpart)
            elif origin and is_test(origin.node):
                continue  # The team deleted the test.
            elif origin:
                raise NotEditableError(f"it has no `{get_first_line(origin.node)}`")
            elif counterpart:
                groups += self._merge_addition(item.node, counterpart)
            else:
                groups.append([self.editor.insert(new_items, index, owner, edited)])
        kept = {origin.key for origin in origins if origin}
        for item in key_statements(base):
            is_left = item.key not in kept and item.key in present
            if is_left and len(edited) > 1:  # Not before the statements that replace it.
                groups.append([self.editor.delete(present[item.key])])
        return groups

    def _merge_addition(self, new: ast.stmt, edited: ast.stmt) -> list[list[Edit]]:
        """Merge a new statement into one that the team added for the same name."""
        if is_same(new, edited):
            return []
        added, present = getattr(new, "value", None), getattr(edited, "value", None)
        if isinstance(added, ast.Tuple) and isinstance(present, ast.Tuple):
            source = read_brackets(self.new, added)
            target = read_brackets(self.edited, present)
            if source and target:
                keys = {item.key for item in target.items}
                return [
                    target.entries.insert(0, source.entries.get_text(index))
                    for index, item in enumerate(source.items)
                    if item.key not in keys
                ]
        raise NotEditableError(f"line {get_line(edited)} already defines this name")


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


def is_separator(item: Item[ast.AST]) -> bool:
    """Return True for the `*` before parameters that are passed by name."""
    return item.key == ("*", 0) and isinstance(item.node, ast.Pass)


def is_test(statement: ast.stmt) -> bool:
    """Return True for a test function."""
    return isinstance(statement, FUNCTIONS) and statement.name.startswith("test_")


def find_place(new: Sequence[Item[ast.AST]], index: int, edited: Sequence[Item[ast.AST]]) -> int:
    """Return the index at which to insert a new entry: after those that the team added."""
    places = {item.key: position for position, item in enumerate(edited)}
    keys = {item.key for item in new}
    before = [places[item.key] for item in new[:index] if item.key in places]
    after = [places[item.key] for item in new[index + 1 :] if item.key in places]
    if not before:
        return after[0] if after else len(edited)
    place = before[-1] + 1
    while place < len(edited) and edited[place].key not in keys:
        if isinstance(edited[place].node, ast.Dict):  # The options of a table come last.
            break
        place += 1
    return place


def get_first_offset(edits: Sequence[Edit]) -> int:
    """Return the offset at which the first of the edits starts."""
    return min(start for start, _, _ in edits)
