"""Imports of a module: found, added where ruff sorts them, removed."""

import ast
from dataclasses import dataclass

from manage.scaffolding.entries import Entries
from manage.scaffolding.ordering import Natural, by_module
from manage.scaffolding.source import NotEditableError, Source, bindings, line_of, module_level

LINE_LENGTH = 100
KERNEL = ("app.core", "app.dependencies", "app.settings")
Statement = ast.Import | ast.ImportFrom
ELSEWHERE, OF_KERNEL, OWN, RELATIVE = range(4)


@dataclass(frozen=True)
class Import:
    """`from module import member as name`."""

    module: str
    member: str
    name: str

    def __str__(self) -> str:
        return f"from {self.module} import {self._alias}"

    def lines(self, newline: str) -> str:
        """As the formatter writes it."""
        if len(str(self)) <= LINE_LENGTH:
            return str(self)
        return newline.join((f"from {self.module} import (", f"    {self._alias},", ")"))

    def is_from(self, statement: ast.ImportFrom) -> bool:
        """Whether the statement imports from the module, absolutely or not."""
        if statement.level:
            return f".{self.module}".endswith(f".{statement.module}")
        return self.module == statement.module

    @property
    def _alias(self) -> str:
        return self.member if self.member == self.name else f"{self.member} as {self.name}"


def find_import(source: Source, wanted: Import) -> tuple[ast.ImportFrom, int] | None:
    """The statement and the index of its alias; refuses a name that means anything else."""
    found: list[tuple[ast.ImportFrom, int]] = []
    statements = [node for node in module_level(source.tree) if isinstance(node, ast.ImportFrom)]
    for node in statements:
        for index, alias in enumerate(node.names):
            if alias.name == "*":
                raise NotEditableError(f"line {alias.lineno} imports whatever there is")
            if wanted.is_from(node) and alias.name == wanted.member:
                if (alias.asname or alias.name) != wanted.name:
                    raise NotEditableError(f"line {alias.lineno} imports it by another name")
                found.append((node, index))
    for bound in bindings(source.tree, wanted.name):
        if all(bound is not node.names[index] for node, index in found):
            raise NotEditableError(f"line {line_of(bound)} gives {wanted.name} another meaning")
    if len(found) > 1:
        raise NotEditableError(f"line {line_of(found[1][0])} imports {wanted.name} again")
    if found and found[0][0] not in source.tree.body:
        raise NotEditableError(f"line {line_of(found[0][0])} imports it on a condition")
    return found[0] if found else None


def add_import(source: Source, wanted: Import, *, above: ast.stmt | None) -> str:
    """The text with the import, on a line of its own."""
    line, blank_before, blank_after = place(source, source.tree, wanted, above)
    newline = source.newline(max(line - 1, 1))
    text = newline * blank_before + wanted.lines(newline) + newline * blank_after
    start = source.line_start(line)
    ends_open = start and source.text[start - 1] != "\n"
    return source.edited([(start, start, newline + text if ends_open else text + newline)])


def remove_import(source: Source, wanted: Import, *, above: ast.stmt | None) -> str:
    """The text without the import, and without the blank line that came with it."""
    found = find_import(source, wanted)
    if found is None:
        return source.text
    statement, index = found
    if len(statement.names) > 1:
        return source.edited(Entries.of_import(source, statement).removed(index))
    if not source.stands_alone(statement):
        raise NotEditableError(f"line {statement.lineno} holds another statement")
    first, last = source.lines(statement)
    cut = ast.Module([node for node in source.tree.body if node is not statement], [])
    line, blank_before, blank_after = place(source, cut, wanted, above)
    first -= blank_before and line == first - 1 and is_blank(source, line)
    last += blank_after and line == last + 2 and is_blank(source, last + 1)
    start, end = source.line_start(first), source.line_start(last + 1)
    if end == len(source.text) and not source.text.endswith("\n") and start:
        start -= len(source.newline(first - 1))
    return source.edited([(start, end, "")])


def place(
    source: Source, tree: ast.Module, wanted: Import, above: ast.stmt | None
) -> tuple[int, bool, bool]:
    """The line to insert at, and whether a blank one goes before and after."""
    limit = above.lineno if above else float("inf")
    imports = [node for node in imports_of(tree) if node.lineno < limit]
    own = [node for node in imports if section(node) == OWN]
    if own:
        return place_among(source, tree, wanted, own), False, False
    earlier = [node for node in imports if section(node) != RELATIVE]
    if earlier:
        return source.lines(earlier[-1])[1] + 1, section(earlier[-1]) != OF_KERNEL, False
    if not imports and ast.get_docstring(tree, clean=False) is not None:
        return source.lines(tree.body[0])[1] + 1, True, False
    return source.lines([*imports, *tree.body][0])[0], False, True


def place_among(source: Source, tree: ast.Module, wanted: Import, own: list[Statement]) -> int:
    """The line to insert at in the section, above the first import that sorts behind."""
    followers = [node for node in own if order(node) > (True, by_module(wanted.module))]
    if not followers:
        return source.lines(own[-1])[1] + 1
    index = tree.body.index(followers[0])
    before = tree.body[index - 1] if index else None
    # Below its neighbour rather than above the comments of the next.
    if before is not None and before in own:
        return source.lines(before)[1] + 1
    return source.lines(followers[0])[0]


def imports_of(tree: ast.Module) -> list[Statement]:
    """The imports at the top level."""
    return [node for node in tree.body if isinstance(node, Statement)]


def section(node: Statement) -> int:
    """The group that ruff puts the import in, as `pyproject.toml` sorts them."""
    if isinstance(node, ast.ImportFrom) and node.level:
        return RELATIVE
    module = module_of(node)
    if any(f"{module}.".startswith(f"{kernel}.") for kernel in KERNEL):
        return OF_KERNEL
    return OWN if module.partition(".")[0] in {"app", "manage"} else ELSEWHERE


def order(node: Statement) -> tuple[bool, tuple[Natural, Natural]]:
    """Where ruff puts the import in its section: `import x` comes first."""
    return isinstance(node, ast.ImportFrom), by_module(module_of(node))


def module_of(node: Statement) -> str:
    return (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name


def is_blank(source: Source, line: int) -> bool:
    return not source.text[source.line_start(line) : source.line_start(line + 1)].strip()
