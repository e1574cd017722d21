"""Edits of import statements, which keep ruff's order and the team's formatting."""

import ast
from dataclasses import dataclass

from chassis_tools.scaffolding.entries import Entries
from chassis_tools.scaffolding.source import (
    NaturalKey,
    NotEditableError,
    Source,
    find_bindings,
    get_line,
    module_sort_key,
    walk_module_level,
)

LINE_LENGTH = 100
KERNEL_PACKAGES = ("app.core", "app.dependencies", "app.settings")
ImportStatement = ast.Import | ast.ImportFrom
OTHER_SECTION, KERNEL_SECTION, OWN_SECTION, RELATIVE_SECTION = range(4)


@dataclass(frozen=True)
class ImportedName:
    """A name imported by `from module import member as name`."""

    module: str
    member: str
    name: str

    def __str__(self) -> str:
        return f"from {self.module} import {self._alias}"

    def format(self, newline: str) -> str:
        """Return the statement as ruff formats it."""
        if len(str(self)) <= LINE_LENGTH:
            return str(self)
        return newline.join((f"from {self.module} import (", f"    {self._alias},", ")"))

    def is_from(self, statement: ast.ImportFrom) -> bool:
        """Return True if the statement imports from the module, absolutely or relatively."""
        if statement.level:
            return f".{self.module}".endswith(f".{statement.module}")
        return self.module == statement.module

    @property
    def _alias(self) -> str:
        return self.member if self.member == self.name else f"{self.member} as {self.name}"


def find_import(source: Source, imported: ImportedName) -> tuple[ast.ImportFrom, int] | None:
    """Find the import statement and the index of the alias; reject other bindings of the name."""
    matches: list[tuple[ast.ImportFrom, int]] = []
    nodes = walk_module_level(source.tree)
    for node in (node for node in nodes if isinstance(node, ast.ImportFrom)):
        for index, alias in enumerate(node.names):
            if alias.name == "*":
                raise NotEditableError(f"line {alias.lineno} imports `*`")
            if imported.is_from(node) and alias.name == imported.member:
                if (alias.asname or alias.name) != imported.name:
                    name = alias.asname or alias.name
                    raise NotEditableError(f"line {alias.lineno} imports {alias.name} as {name}")
                matches.append((node, index))
    for binding in find_bindings(source.tree, imported.name):
        if all(binding is not node.names[index] for node, index in matches):
            raise NotEditableError(
                f"line {get_line(binding)} binds {imported.name} to something else"
            )
    if len(matches) > 1:
        raise NotEditableError(f"line {get_line(matches[1][0])} imports {imported.name} again")
    if matches and matches[0][0] not in source.tree.body:
        line = get_line(matches[0][0])
        raise NotEditableError(f"line {line} imports {imported.name} conditionally")
    return matches[0] if matches else None


def add_import(source: Source, imported: ImportedName, *, before: ast.stmt | None) -> str:
    """Return the text with the import added on a separate line."""
    line, blank_before, blank_after = find_insertion_point(source, source.tree, imported, before)
    newline = source.get_newline(max(line - 1, 1))
    text = newline * blank_before + imported.format(newline) + newline * blank_after
    start = source.get_line_start(line)
    is_unterminated = start and source.text[start - 1] != "\n"
    return source.apply_edits(
        [(start, start, newline + text if is_unterminated else text + newline)]
    )


def remove_import(source: Source, imported: ImportedName, *, before: ast.stmt | None) -> str:
    """Return the text without the import and the blank line that was added with it."""
    match = find_import(source, imported)
    if match is None:
        return source.text
    statement, index = match
    if len(statement.names) > 1:
        return source.apply_edits(Entries.of_import(source, statement).delete(index))
    if not source.is_alone_on_lines(statement):
        raise NotEditableError(f"line {statement.lineno} contains another statement")
    first, last = source.get_line_range(statement)
    remaining = ast.Module([node for node in source.tree.body if node is not statement], [])
    line, blank_before, blank_after = find_insertion_point(source, remaining, imported, before)
    first -= blank_before and line == first - 1 and is_blank(source, line)
    last += blank_after and line == last + 2 and is_blank(source, last + 1)
    start, end = source.get_line_start(first), source.get_line_start(last + 1)
    if end == len(source.text) and not source.text.endswith("\n") and start:
        start -= len(source.get_newline(first - 1))
    return source.apply_edits([(start, end, "")])


def find_insertion_point(
    source: Source, tree: ast.Module, imported: ImportedName, before: ast.stmt | None
) -> tuple[int, bool, bool]:
    """Return the line to insert at, and two flags: add a blank line before, and after."""
    end_line = before.lineno if before else float("inf")
    imports = [node for node in get_imports(tree) if node.lineno < end_line]
    own_imports = [node for node in imports if get_section(node) == OWN_SECTION]
    if own_imports:
        return find_line_in_section(source, tree, imported, own_imports), False, False
    absolute_imports = [node for node in imports if get_section(node) != RELATIVE_SECTION]
    if absolute_imports:
        last = absolute_imports[-1]
        return source.get_line_range(last)[1] + 1, get_section(last) != KERNEL_SECTION, False
    if not imports and ast.get_docstring(tree, clean=False) is not None:
        return source.get_line_range(tree.body[0])[1] + 1, True, False
    return source.get_line_range([*imports, *tree.body][0])[0], False, True


def find_line_in_section(
    source: Source, tree: ast.Module, imported: ImportedName, section: list[ImportStatement]
) -> int:
    """Return the line to insert at in a section: before the first import that sorts later."""
    later_imports = [
        node for node in section if get_sort_key(node) > (True, module_sort_key(imported.module))
    ]
    if not later_imports:
        return source.get_line_range(section[-1])[1] + 1
    index = tree.body.index(later_imports[0])
    previous = tree.body[index - 1] if index else None
    # Insert after the previous import, not before the comments of the next one.
    if previous is not None and previous in section:
        return source.get_line_range(previous)[1] + 1
    return source.get_line_range(later_imports[0])[0]


def get_imports(tree: ast.Module) -> list[ImportStatement]:
    """Return the imports at the top level."""
    return [node for node in tree.body if isinstance(node, ImportStatement)]


def get_section(node: ImportStatement) -> int:
    """Return the import's section, as `pyproject.toml` configures it for ruff."""
    if isinstance(node, ast.ImportFrom) and node.level:
        return RELATIVE_SECTION
    module = get_module(node)
    if any(f"{module}.".startswith(f"{kernel}.") for kernel in KERNEL_PACKAGES):
        return KERNEL_SECTION
    return OWN_SECTION if module.partition(".")[0] in {"app", "manage"} else OTHER_SECTION


def get_sort_key(node: ImportStatement) -> tuple[bool, tuple[NaturalKey, NaturalKey]]:
    """Return ruff's sort key of an import in its section, where `import x` comes first."""
    return isinstance(node, ast.ImportFrom), module_sort_key(get_module(node))


def get_module(node: ImportStatement) -> str:
    """Return the module that a statement imports, or imports from."""
    return (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name


def is_blank(source: Source, line: int) -> bool:
    """Return True if the line is blank."""
    return not source.text[source.get_line_start(line) : source.get_line_start(line + 1)].strip()
