"""Edits of the registries of models and routers that keep the team's formatting."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chassis_tools.scaffolding.source import (
    Entries,
    Natural,
    NotEditableError,
    Source,
    bindings,
    by_kind,
    by_module,
    line_of,
    module_level,
)
from manage.errors import CommandError

Assignment = ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class Display:
    """The list or tuple that is assigned to a registry's name."""

    name: str
    statement: Assignment
    nodes: list[ast.expr]
    entries: Entries

    def strings(self) -> list[str]:
        """Return the entries; reject entries that are not strings."""
        values = [node.value for node in self.nodes if isinstance(node, ast.Constant)]
        strings = [value for value in values if isinstance(value, str)]
        if len(strings) < len(self.nodes):
            raise NotEditableError(f"`{self.name}` contains other entries than strings")
        return strings

    def parts(self, source: Source) -> Iterator[ast.AST]:
        """Yield the expressions in the assignment and in statements that extend the list."""
        for node in module_level(source.tree):
            inner = list(ast.walk(node)) if isinstance(node, ast.AugAssign | ast.Expr) else []
            if any(isinstance(part, ast.Name) and part.id == self.name for part in inner):
                yield from inner
        yield from ast.walk(self.statement)


def find_display(source: Source, name: str) -> Display:
    """Return the registry's list; reject a name that is assigned in any other way."""
    values = [node for node in bindings(source.tree, name) if node not in extended(source)]
    if not values:
        raise NotEditableError(f"it does not define `{name}`")
    if len(values) > 1:
        raise NotEditableError(f"line {line_of(values[1])} assigns `{name}` again")
    for statement in source.tree.body:
        if isinstance(statement, Assignment) and target_of(statement) is values[0]:
            return display_in(source, name, statement)
    raise NotEditableError(f"line {line_of(values[0])} assigns `{name}` inside another statement")


def display_in(source: Source, name: str, statement: Assignment) -> Display:
    """Return the list of an assignment; reject a value that is computed."""
    value = statement.value
    if not isinstance(value, ast.List | ast.Tuple):
        raise NotEditableError(f"line {statement.lineno} computes `{name}`")
    if not source.stands_alone(statement):
        raise NotEditableError(f"line {statement.lineno} contains other statements than `{name}`")
    entries = Entries.of_display(source, value)
    if len(entries) != len(value.elts):
        raise NotEditableError(f"line {statement.lineno} writes `{name}` in an unsupported format")
    return Display(name, statement, value.elts, entries)


def target_of(statement: Assignment) -> ast.expr | None:
    """Return the target of an assignment; None if there are several."""
    if isinstance(statement, ast.AnnAssign):
        return statement.target
    return statement.targets[0] if len(statement.targets) == 1 else None


def extended(source: Source) -> list[ast.AST]:
    """Return the targets that are not assigned anew: of `+=`, and of a bare annotation."""
    return [
        node.target
        for node in module_level(source.tree)
        if isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.AnnAssign) and node.value is None)
    ]


LINE_LENGTH = 100
KERNEL = ("app.core", "app.dependencies", "app.settings")
Statement = ast.Import | ast.ImportFrom
ELSEWHERE, OF_KERNEL, OWN, RELATIVE = range(4)


@dataclass(frozen=True)
class Import:
    """A name imported by `from module import member as name`."""

    module: str
    member: str
    name: str

    def __str__(self) -> str:
        return f"from {self.module} import {self._alias}"

    def lines(self, newline: str) -> str:
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


def find_import(source: Source, wanted: Import) -> tuple[ast.ImportFrom, int] | None:
    """Return the statement and the index of its alias; reject other uses of the name."""
    found: list[tuple[ast.ImportFrom, int]] = []
    statements = [node for node in module_level(source.tree) if isinstance(node, ast.ImportFrom)]
    for node in statements:
        for index, alias in enumerate(node.names):
            if alias.name == "*":
                raise NotEditableError(f"line {alias.lineno} imports `*`")
            if wanted.is_from(node) and alias.name == wanted.member:
                if (alias.asname or alias.name) != wanted.name:
                    raise NotEditableError(f"line {alias.lineno} imports it under another name")
                found.append((node, index))
    for bound in bindings(source.tree, wanted.name):
        if all(bound is not node.names[index] for node, index in found):
            raise NotEditableError(f"line {line_of(bound)} binds {wanted.name} to something else")
    if len(found) > 1:
        raise NotEditableError(f"line {line_of(found[1][0])} imports {wanted.name} again")
    if found and found[0][0] not in source.tree.body:
        raise NotEditableError(f"line {line_of(found[0][0])} imports it conditionally")
    return found[0] if found else None


def add_import(source: Source, wanted: Import, *, above: ast.stmt | None) -> str:
    """Return the text with the import on a line of its own."""
    line, blank_before, blank_after = place(source, source.tree, wanted, above)
    newline = source.newline(max(line - 1, 1))
    text = newline * blank_before + wanted.lines(newline) + newline * blank_after
    start = source.line_start(line)
    ends_open = start and source.text[start - 1] != "\n"
    return source.edited([(start, start, newline + text if ends_open else text + newline)])


def remove_import(source: Source, wanted: Import, *, above: ast.stmt | None) -> str:
    """Return the text without the import and the blank line that was added with it."""
    found = find_import(source, wanted)
    if found is None:
        return source.text
    statement, index = found
    if len(statement.names) > 1:
        return source.edited(Entries.of_import(source, statement).removed(index))
    if not source.stands_alone(statement):
        raise NotEditableError(f"line {statement.lineno} contains another statement")
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
    """Return the line to insert at, and whether to add a blank line before and after."""
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
    """Return the line to insert at in the section, before the first import that sorts later."""
    followers = [node for node in own if order(node) > (True, by_module(wanted.module))]
    if not followers:
        return source.lines(own[-1])[1] + 1
    index = tree.body.index(followers[0])
    before = tree.body[index - 1] if index else None
    # Insert after the previous import, not before the comments of the next one.
    if before is not None and before in own:
        return source.lines(before)[1] + 1
    return source.lines(followers[0])[0]


def imports_of(tree: ast.Module) -> list[Statement]:
    """Return the imports at the top level."""
    return [node for node in tree.body if isinstance(node, Statement)]


def section(node: Statement) -> int:
    """Return the section that ruff sorts the import into, as `pyproject.toml` configures it."""
    if isinstance(node, ast.ImportFrom) and node.level:
        return RELATIVE
    module = module_of(node)
    if any(f"{module}.".startswith(f"{kernel}.") for kernel in KERNEL):
        return OF_KERNEL
    return OWN if module.partition(".")[0] in {"app", "manage"} else ELSEWHERE


def order(node: Statement) -> tuple[bool, tuple[Natural, Natural]]:
    """Return ruff's sort key of an import in its section, where `import x` comes first."""
    return isinstance(node, ast.ImportFrom), by_module(module_of(node))


def module_of(node: Statement) -> str:
    """Return the module that a statement imports, or imports from."""
    return (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name


def is_blank(source: Source, line: int) -> bool:
    """Return True if the line is blank."""
    return not source.text[source.line_start(line) : source.line_start(line + 1)].strip()


BYTE_ORDER_MARK = "\ufeff"
INSTRUCTIONS = {
    "add": "write `{0.registry}` as one plain list that contains `{0.entry}`",
    "remove": "remove `{0.imported}` and `{0.entry}` from it by hand",
}


class RegistryError(CommandError):
    """Raised when a registry must be edited by hand, with the instructions and the reason."""


@dataclass(frozen=True)
class Registration:
    """An import and its entry in a registry."""

    imported: Import
    registry: str
    is_quoted: bool

    @property
    def entry(self) -> str:
        """Source of the entry in the list."""
        return f'"{self.imported.name}"' if self.is_quoted else self.imported.name

    def is_entry(self, node: ast.AST) -> bool:
        """Return True if the expression is this entry."""
        if self.is_quoted:
            return isinstance(node, ast.Constant) and node.value == self.imported.name
        return isinstance(node, ast.Name) and node.id == self.imported.name

    def mentions(self, source: Source, display: Display) -> list[ast.AST]:
        """Return the entry's nodes in the list and in statements that extend the list."""
        return [node for node in display.parts(source) if self.is_entry(node)]

    def index(self, display: Display) -> int:
        """Return the index for a new entry: models are sorted, the newest router comes first."""
        if not self.is_quoted:
            return 0
        names = display.strings()
        key = by_kind(self.imported.name)
        return next((i for i, name in enumerate(names) if by_kind(name) > key), len(names))

    def above(self, source: Source, display: Display) -> ast.stmt | None:
        """Return the statement that the import must precede; None if there is none."""
        first = min((node.lineno for node in imports_of(source.tree)), default=0)
        is_below = first > display.statement.lineno
        return None if self.is_quoted and is_below else display.statement


def add_model(source: str, *, module: str, name: str) -> str:
    """Import the model and list it in `__all__`, unless it is already registered."""
    return changed(source, Registration(Import(module, name, name), "__all__", True), "add")


def remove_model(source: str, *, module: str, name: str) -> str:
    """Remove the import and the entry that `add_model` added."""
    return changed(source, Registration(Import(module, name, name), "__all__", True), "remove")


def add_router(source: str, *, module: str, name: str) -> str:
    """Import the router under its resource's name and list it first, unless already registered."""
    return changed(source, Registration(Import(module, "router", name), "routers", False), "add")


def remove_router(source: str, *, module: str, name: str) -> str:
    """Remove the import and the entry that `add_router` added."""
    return changed(source, Registration(Import(module, "router", name), "routers", False), "remove")


def changed(source: str, registration: Registration, verb: str) -> str:
    """Return the edited source; raise RegistryError if it must be edited by hand."""
    edit: Callable[[str, Registration], str] = {"add": added, "remove": removed}[verb]
    text = source.removeprefix(BYTE_ORDER_MARK)
    try:
        return source[: len(source) - len(text)] + edit(text, registration)
    except NotEditableError as why:
        instruction = INSTRUCTIONS[verb].format(registration)
        raise RegistryError(
            f"The registry with `{registration.registry}` cannot be edited because {why}, so nothing"
            f" was changed: {instruction}, then run the command again"
        ) from None


def added(text: str, registration: Registration) -> str:
    """Return the text with the import and the entry added and nothing else changed."""
    source = Source(text)
    display = find_display(source, registration.registry)
    is_imported = find_import(source, registration.imported) is not None
    is_listed = bool(registration.mentions(source, display))
    result = text
    if not is_listed:
        index = registration.index(display)
        result = source.edited(display.entries.added(index, registration.entry))
    if not is_imported:
        above = registration.above(source, display)
        result = add_import(Source(result), registration.imported, above=above)
    if not is_imported and not is_listed and removed(result, registration) != text:
        raise NotEditableError("its format is not supported")
    return result


def removed(text: str, registration: Registration) -> str:
    """Return the text with the import and the entry removed and nothing else changed."""
    source = Source(text)
    wanted = registration.imported
    is_listed = any(registration.is_entry(node) for node in ast.walk(source.tree))
    if not is_listed and not bindings(source.tree, wanted.name):
        return text
    display = find_display(source, registration.registry)
    find_import(source, wanted)
    indices = [i for i, node in enumerate(display.nodes) if registration.is_entry(node)]
    own = display.nodes[indices[0]] if indices else None
    uses = [node for node in ast.walk(source.tree) if is_use(node, wanted.name)]
    for node in [*uses, *registration.mentions(source, display)]:
        if node is not own:
            raise NotEditableError(f"line {line_of(node)} also uses {wanted.name}")
    if indices:
        text = source.edited(display.entries.removed(indices[0]))
    return remove_import(Source(text), wanted, above=registration.above(source, display))


def is_use(node: ast.AST, name: str) -> bool:
    """Return True if the expression reads the name."""
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
