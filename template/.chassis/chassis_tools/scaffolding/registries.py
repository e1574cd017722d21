"""Edits of the registries of models and routers that keep the team's formatting."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chassis_tools.scaffolding.source import (
    Entries,
    NaturalKey,
    NotEditableError,
    Source,
    find_bindings,
    get_line,
    module_sort_key,
    name_sort_key,
    walk_module_level,
)
from manage.errors import CommandError

Assignment = ast.Assign | ast.AnnAssign
LINE_LENGTH = 100
KERNEL_PACKAGES = ("app.core", "app.dependencies", "app.settings")
ImportStatement = ast.Import | ast.ImportFrom
OTHER_SECTION, KERNEL_SECTION, OWN_SECTION, RELATIVE_SECTION = range(4)
BYTE_ORDER_MARK = "\ufeff"
INSTRUCTIONS = {
    "add": "write `{0.registry}` as one plain list that contains `{0.entry}`",
    "remove": "remove `{0.imported}` and `{0.entry}` from it by hand",
}


class RegistryError(CommandError):
    """Raised when a registry must be edited by hand, with the instructions and the reason."""


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


@dataclass(frozen=True)
class RegistryList:
    """The list or tuple that is assigned to a registry's name."""

    name: str
    statement: Assignment
    nodes: list[ast.expr]
    entries: Entries

    def read_strings(self) -> list[str]:
        """Return the entries; reject entries that are not strings."""
        values = [node.value for node in self.nodes if isinstance(node, ast.Constant)]
        strings = [value for value in values if isinstance(value, str)]
        if len(strings) < len(self.nodes):
            raise NotEditableError(f"`{self.name}` contains other entries than strings")
        return strings

    def walk(self, source: Source) -> Iterator[ast.AST]:
        """Yield the expressions in the assignment and in statements that extend the list."""
        for node in walk_module_level(source.tree):
            inner = list(ast.walk(node)) if isinstance(node, ast.AugAssign | ast.Expr) else []
            if any(isinstance(part, ast.Name) and part.id == self.name for part in inner):
                yield from inner
        yield from ast.walk(self.statement)


@dataclass(frozen=True)
class Registration:
    """An import and its entry in a registry."""

    imported: ImportedName
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

    def find_mentions(self, source: Source, registry_list: RegistryList) -> list[ast.AST]:
        """Return the entry's nodes in the list and in statements that extend the list."""
        return [node for node in registry_list.walk(source) if self.is_entry(node)]

    def get_index(self, registry_list: RegistryList) -> int:
        """Return the index for a new entry: models are sorted, the newest router comes first."""
        if not self.is_quoted:
            return 0
        names = registry_list.read_strings()
        key = name_sort_key(self.imported.name)
        return next((i for i, name in enumerate(names) if name_sort_key(name) > key), len(names))

    def find_next_statement(self, source: Source, registry_list: RegistryList) -> ast.stmt | None:
        """Return the statement that the import must precede; None if there is none."""
        first = min((node.lineno for node in get_imports(source.tree)), default=0)
        is_below = first > registry_list.statement.lineno
        return None if self.is_quoted and is_below else registry_list.statement


def add_model(source: str, *, module: str, name: str) -> str:
    """Import the model and list it in `__all__`, unless it is already registered."""
    return edit_registry(
        source, Registration(ImportedName(module, name, name), "__all__", True), "add"
    )


def remove_model(source: str, *, module: str, name: str) -> str:
    """Remove the import and the entry that `add_model` added."""
    return edit_registry(
        source, Registration(ImportedName(module, name, name), "__all__", True), "remove"
    )


def add_router(source: str, *, module: str, name: str) -> str:
    """Import the router under its resource's name and list it first, unless already registered."""
    return edit_registry(
        source, Registration(ImportedName(module, "router", name), "routers", False), "add"
    )


def remove_router(source: str, *, module: str, name: str) -> str:
    """Remove the import and the entry that `add_router` added."""
    return edit_registry(
        source, Registration(ImportedName(module, "router", name), "routers", False), "remove"
    )


def edit_registry(source: str, registration: Registration, verb: str) -> str:
    """Return the edited source; raise RegistryError if it must be edited by hand."""
    edit: Callable[[str, Registration], str] = {
        "add": add_registration,
        "remove": remove_registration,
    }[verb]
    text = source.removeprefix(BYTE_ORDER_MARK)
    try:
        return source[: len(source) - len(text)] + edit(text, registration)
    except NotEditableError as why:
        instruction = INSTRUCTIONS[verb].format(registration)
        raise RegistryError(
            f"The registry with `{registration.registry}` cannot be edited because {why}, so"
            f" nothing was changed: {instruction}, then run the command again"
        ) from None


def add_registration(text: str, registration: Registration) -> str:
    """Return the text with the import and the entry added and nothing else changed."""
    source = Source(text)
    registry_list = find_registry_list(source, registration.registry)
    is_imported = find_import(source, registration.imported) is not None
    is_listed = bool(registration.find_mentions(source, registry_list))
    result = text
    if not is_listed:
        index = registration.get_index(registry_list)
        result = source.apply_edits(registry_list.entries.insert(index, registration.entry))
    if not is_imported:
        before = registration.find_next_statement(source, registry_list)
        result = add_import(Source(result), registration.imported, before=before)
    if not is_imported and not is_listed and remove_registration(result, registration) != text:
        raise NotEditableError("its format is not supported")
    return result


def remove_registration(text: str, registration: Registration) -> str:
    """Return the text with the import and the entry removed and nothing else changed."""
    source = Source(text)
    wanted = registration.imported
    is_listed = any(registration.is_entry(node) for node in ast.walk(source.tree))
    if not is_listed and not find_bindings(source.tree, wanted.name):
        return text
    registry_list = find_registry_list(source, registration.registry)
    find_import(source, wanted)
    indices = [i for i, node in enumerate(registry_list.nodes) if registration.is_entry(node)]
    own = registry_list.nodes[indices[0]] if indices else None
    uses = [node for node in ast.walk(source.tree) if is_use(node, wanted.name)]
    for node in [*uses, *registration.find_mentions(source, registry_list)]:
        if node is not own:
            raise NotEditableError(f"line {get_line(node)} also uses {wanted.name}")
    if indices:
        text = source.apply_edits(registry_list.entries.delete(indices[0]))
    return remove_import(
        Source(text), wanted, before=registration.find_next_statement(source, registry_list)
    )


def is_use(node: ast.AST, name: str) -> bool:
    """Return True if the expression reads the name."""
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)


def find_registry_list(source: Source, name: str) -> RegistryList:
    """Return the registry's list; reject a name that is assigned in any other way."""
    extended = find_extension_targets(source)
    values = [node for node in find_bindings(source.tree, name) if node not in extended]
    if not values:
        raise NotEditableError(f"it does not define `{name}`")
    if len(values) > 1:
        raise NotEditableError(f"line {get_line(values[1])} assigns `{name}` again")
    for statement in source.tree.body:
        if isinstance(statement, Assignment) and get_target(statement) is values[0]:
            return read_list(source, name, statement)
    raise NotEditableError(f"line {get_line(values[0])} assigns `{name}` inside another statement")


def read_list(source: Source, name: str, statement: Assignment) -> RegistryList:
    """Return the list of an assignment; reject a value that is computed."""
    value = statement.value
    if not isinstance(value, ast.List | ast.Tuple):
        raise NotEditableError(f"line {statement.lineno} computes `{name}`")
    if not source.is_alone_in_lines(statement):
        raise NotEditableError(f"line {statement.lineno} contains other statements than `{name}`")
    entries = Entries.of_list(source, value)
    if len(entries) != len(value.elts):
        raise NotEditableError(f"line {statement.lineno} writes `{name}` in an unsupported format")
    return RegistryList(name, statement, value.elts, entries)


def get_target(statement: Assignment) -> ast.expr | None:
    """Return the target of an assignment; None if there are several."""
    if isinstance(statement, ast.AnnAssign):
        return statement.target
    return statement.targets[0] if len(statement.targets) == 1 else None


def find_extension_targets(source: Source) -> list[ast.AST]:
    """Return the targets that are not assigned anew: of `+=`, and of a bare annotation."""
    return [
        node.target
        for node in walk_module_level(source.tree)
        if isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.AnnAssign) and node.value is None)
    ]


def find_import(source: Source, wanted: ImportedName) -> tuple[ast.ImportFrom, int] | None:
    """Return the statement and the index of its alias; reject other uses of the name."""
    matches: list[tuple[ast.ImportFrom, int]] = []
    nodes = walk_module_level(source.tree)
    for node in (node for node in nodes if isinstance(node, ast.ImportFrom)):
        for index, alias in enumerate(node.names):
            if alias.name == "*":
                raise NotEditableError(f"line {alias.lineno} imports `*`")
            if wanted.is_from(node) and alias.name == wanted.member:
                if (alias.asname or alias.name) != wanted.name:
                    raise NotEditableError(f"line {alias.lineno} imports it under another name")
                matches.append((node, index))
    for bound in find_bindings(source.tree, wanted.name):
        if all(bound is not node.names[index] for node, index in matches):
            raise NotEditableError(f"line {get_line(bound)} binds {wanted.name} to something else")
    if len(matches) > 1:
        raise NotEditableError(f"line {get_line(matches[1][0])} imports {wanted.name} again")
    if matches and matches[0][0] not in source.tree.body:
        raise NotEditableError(f"line {get_line(matches[0][0])} imports it conditionally")
    return matches[0] if matches else None


def add_import(source: Source, wanted: ImportedName, *, before: ast.stmt | None) -> str:
    """Return the text with the import on a line of its own."""
    line, blank_before, blank_after = find_import_place(source, source.tree, wanted, before)
    newline = source.newline(max(line - 1, 1))
    text = newline * blank_before + wanted.format(newline) + newline * blank_after
    start = source.line_start(line)
    ends_open = start and source.text[start - 1] != "\n"
    return source.apply_edits([(start, start, newline + text if ends_open else text + newline)])


def remove_import(source: Source, wanted: ImportedName, *, before: ast.stmt | None) -> str:
    """Return the text without the import and the blank line that was added with it."""
    match = find_import(source, wanted)
    if match is None:
        return source.text
    statement, index = match
    if len(statement.names) > 1:
        return source.apply_edits(Entries.of_import(source, statement).delete(index))
    if not source.is_alone_in_lines(statement):
        raise NotEditableError(f"line {statement.lineno} contains another statement")
    first, last = source.line_range(statement)
    cut = ast.Module([node for node in source.tree.body if node is not statement], [])
    line, blank_before, blank_after = find_import_place(source, cut, wanted, before)
    first -= blank_before and line == first - 1 and is_blank(source, line)
    last += blank_after and line == last + 2 and is_blank(source, last + 1)
    start, end = source.line_start(first), source.line_start(last + 1)
    if end == len(source.text) and not source.text.endswith("\n") and start:
        start -= len(source.newline(first - 1))
    return source.apply_edits([(start, end, "")])


def find_import_place(
    source: Source, tree: ast.Module, wanted: ImportedName, before: ast.stmt | None
) -> tuple[int, bool, bool]:
    """Return the line to insert at, and whether to add a blank line before and after."""
    limit = before.lineno if before else float("inf")
    imports = [node for node in get_imports(tree) if node.lineno < limit]
    own = [node for node in imports if get_section(node) == OWN_SECTION]
    if own:
        return find_line_in_section(source, tree, wanted, own), False, False
    earlier = [node for node in imports if get_section(node) != RELATIVE_SECTION]
    if earlier:
        return (
            source.line_range(earlier[-1])[1] + 1,
            get_section(earlier[-1]) != KERNEL_SECTION,
            False,
        )
    if not imports and ast.get_docstring(tree, clean=False) is not None:
        return source.line_range(tree.body[0])[1] + 1, True, False
    return source.line_range([*imports, *tree.body][0])[0], False, True


def find_line_in_section(
    source: Source, tree: ast.Module, wanted: ImportedName, own: list[ImportStatement]
) -> int:
    """Return the line to insert at in the section, before the first import that sorts later."""
    followers = [
        node for node in own if get_sort_key(node) > (True, module_sort_key(wanted.module))
    ]
    if not followers:
        return source.line_range(own[-1])[1] + 1
    index = tree.body.index(followers[0])
    before = tree.body[index - 1] if index else None
    # Insert after the previous import, not before the comments of the next one.
    if before is not None and before in own:
        return source.line_range(before)[1] + 1
    return source.line_range(followers[0])[0]


def get_imports(tree: ast.Module) -> list[ImportStatement]:
    """Return the imports at the top level."""
    return [node for node in tree.body if isinstance(node, ImportStatement)]


def get_section(node: ImportStatement) -> int:
    """Return the section that ruff sorts the import into, as `pyproject.toml` configures it."""
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
    return not source.text[source.line_start(line) : source.line_start(line + 1)].strip()
