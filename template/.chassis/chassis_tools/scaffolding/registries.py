"""Edits of the registries of models and routers, which keep the team's formatting."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chassis_tools.scaffolding.entries import Entries
from chassis_tools.scaffolding.imports import (
    ImportedName,
    add_import,
    find_import,
    get_imports,
    remove_import,
)
from chassis_tools.scaffolding.modules import BYTE_ORDER_MARK
from chassis_tools.scaffolding.source import (
    NotEditableError,
    Source,
    find_bindings,
    get_line,
    name_sort_key,
    walk_module_level,
)
from manage.errors import CommandError

Assignment = ast.Assign | ast.AnnAssign
INSTRUCTIONS = {
    "add": "write `{0.registry}` as one plain list that contains `{0.entry}`",
    "remove": "remove `{0.imported}` and `{0.entry}` from it by hand",
}


class RegistryError(CommandError):
    """Raised with reason and instructions when a registry must be edited by hand."""


@dataclass(frozen=True)
class RegistryList:
    """The list or tuple that is assigned to a registry's name."""

    name: str
    statement: Assignment
    nodes: list[ast.expr]
    entries: Entries

    def read_strings(self) -> list[str]:
        """Return the entries; raise NotEditableError if one is not a string."""
        values = [node.value for node in self.nodes if isinstance(node, ast.Constant)]
        strings = [value for value in values if isinstance(value, str)]
        if len(strings) < len(self.nodes):
            raise NotEditableError(f"`{self.name}` contains entries that are not strings")
        return strings

    def read_names(self) -> list[str]:
        """Return the source of each entry."""
        return [ast.unparse(node) for node in self.nodes]

    def walk(self, source: Source) -> Iterator[ast.AST]:
        """Yield the expressions in the assignment and in statements that extend the list."""
        for node in walk_module_level(source.tree):
            nodes = list(ast.walk(node)) if isinstance(node, ast.AugAssign | ast.Expr) else []
            if any(isinstance(child, ast.Name) and child.id == self.name for child in nodes):
                yield from nodes
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
        """Return the index for a new entry: a sorted list stays sorted.

        Branches in git then rarely insert at the same line. Unsorted routers are in the order in
        which requests are matched, so a new one comes first.
        """
        names = registry_list.read_strings() if self.is_quoted else registry_list.read_names()
        keys = [name_sort_key(name) for name in names]
        if not self.is_quoted and keys != sorted(keys):
            return 0
        key = name_sort_key(self.imported.name)
        return next((i for i, other in enumerate(keys) if other > key), len(keys))

    def find_next_statement(self, source: Source, registry_list: RegistryList) -> ast.stmt | None:
        """Return the statement that the import must precede, or None."""
        first_import = min((node.lineno for node in get_imports(source.tree)), default=0)
        is_above_imports = first_import > registry_list.statement.lineno
        return None if self.is_quoted and is_above_imports else registry_list.statement


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
    """Import the router under its resource's name and list it, unless it is already registered."""
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
    except NotEditableError as error:
        instruction = INSTRUCTIONS[verb].format(registration)
        raise RegistryError(
            f"The registry with `{registration.registry}` cannot be edited because {error}, so"
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
    imported = registration.imported
    is_listed = any(registration.is_entry(node) for node in ast.walk(source.tree))
    if not is_listed and not find_bindings(source.tree, imported.name):
        return text
    registry_list = find_registry_list(source, registration.registry)
    find_import(source, imported)
    indices = [i for i, node in enumerate(registry_list.nodes) if registration.is_entry(node)]
    entry = registry_list.nodes[indices[0]] if indices else None
    uses = [node for node in ast.walk(source.tree) if is_use(node, imported.name)]
    for node in [*uses, *registration.find_mentions(source, registry_list)]:
        if node is not entry:
            raise NotEditableError(f"line {get_line(node)} also uses {imported.name}")
    if indices:
        text = source.apply_edits(registry_list.entries.delete(indices[0]))
    return remove_import(
        Source(text), imported, before=registration.find_next_statement(source, registry_list)
    )


def is_use(node: ast.AST, name: str) -> bool:
    """Return True if the expression reads the name."""
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)


def find_registry_list(source: Source, name: str) -> RegistryList:
    """Return the list of the registry; raise NotEditableError if it is assigned in another way."""
    extensions = find_extension_targets(source)
    targets = [node for node in find_bindings(source.tree, name) if node not in extensions]
    if not targets:
        raise NotEditableError(f"it does not define `{name}`")
    if len(targets) > 1:
        raise NotEditableError(f"line {get_line(targets[1])} assigns `{name}` again")
    for statement in source.tree.body:
        if isinstance(statement, Assignment) and get_target(statement) is targets[0]:
            return read_list(source, name, statement)
    raise NotEditableError(f"line {get_line(targets[0])} assigns `{name}` inside another statement")


def read_list(source: Source, name: str, statement: Assignment) -> RegistryList:
    """Return the list of an assignment; raise NotEditableError if the value is computed."""
    value = statement.value
    if not isinstance(value, ast.List | ast.Tuple):
        raise NotEditableError(f"line {statement.lineno} computes `{name}`")
    if not source.is_alone_on_lines(statement):
        raise NotEditableError(f"line {statement.lineno} contains statements besides `{name}`")
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
    """Return the targets of statements that extend or only annotate a name, as in `name += …`."""
    return [
        node.target
        for node in walk_module_level(source.tree)
        if isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.AnnAssign) and node.value is None)
    ]
