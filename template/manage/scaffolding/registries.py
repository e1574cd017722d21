"""The registries of models and routers, which are the team's: edited by syntax or left alone."""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from manage.errors import CommandError
from manage.scaffolding.displays import Display, find_display
from manage.scaffolding.imports import (
    Import,
    add_import,
    find_import,
    imports_of,
    remove_import,
)
from manage.scaffolding.ordering import by_kind
from manage.scaffolding.source import NotEditableError, Source, bindings, line_of

BYTE_ORDER_MARK = "\ufeff"
INSTRUCTIONS = {
    "add": "write `{one.registry}` as one list of plain names, to which `{one.entry}` can be added",
    "remove": "remove `{one.imported}` and `{one.entry}` from it by hand",
}


class RegistryError(CommandError):
    """Says what to edit by hand, and why the registry was left alone."""


@dataclass(frozen=True)
class Registration:
    """An import and the entry that it is for."""

    imported: Import
    registry: str
    is_quoted: bool

    @property
    def entry(self) -> str:
        """As it stands in the list."""
        return f'"{self.imported.name}"' if self.is_quoted else self.imported.name

    def is_entry(self, node: ast.AST) -> bool:
        """Whether the expression is this entry."""
        if self.is_quoted:
            return isinstance(node, ast.Constant) and node.value == self.imported.name
        return isinstance(node, ast.Name) and node.id == self.imported.name

    def mentions(self, source: Source, display: Display) -> list[ast.AST]:
        """The entry in the list, and in statements that extend the list."""
        return [node for node in display.parts(source) if self.is_entry(node)]

    def index(self, display: Display) -> int:
        """Where a new entry goes: models are sorted, the newest resource's router is tried first."""
        if not self.is_quoted:
            return 0
        names = display.strings()
        key = by_kind(self.imported.name)
        return next((i for i, name in enumerate(names) if by_kind(name) > key), len(names))

    def above(self, source: Source, display: Display) -> ast.stmt | None:
        """What the import has to stand above."""
        first = min((node.lineno for node in imports_of(source.tree)), default=0)
        is_below = first > display.statement.lineno
        return None if self.is_quoted and is_below else display.statement


def add_model(source: str, *, module: str, name: str) -> str:
    """Import the model and list it in `__all__`, unless that is so."""
    return changed(source, Registration(Import(module, name, name), "__all__", True), "add")


def remove_model(source: str, *, module: str, name: str) -> str:
    """Take back what `add_model` did."""
    return changed(source, Registration(Import(module, name, name), "__all__", True), "remove")


def add_router(source: str, *, module: str, name: str) -> str:
    """Import the router by its resource's name and list it first, unless that is so."""
    return changed(source, Registration(Import(module, "router", name), "routers", False), "add")


def remove_router(source: str, *, module: str, name: str) -> str:
    """Take back what `add_router` did."""
    return changed(source, Registration(Import(module, "router", name), "routers", False), "remove")


def changed(source: str, registration: Registration, verb: str) -> str:
    """The source after an edit that can be taken back, else instructions."""
    edit: Callable[[str, Registration], str] = {"add": added, "remove": removed}[verb]
    text = source.removeprefix(BYTE_ORDER_MARK)
    try:
        return source[: len(source) - len(text)] + edit(text, registration)
    except NotEditableError as why:
        instruction = INSTRUCTIONS[verb].format(one=registration)
        raise RegistryError(
            f"The registry with `{registration.registry}` was left alone because {why}, and nothing"
            f" else was changed: {instruction}, then try again"
        ) from None


def added(text: str, registration: Registration) -> str:
    """The text with the import and the entry, and nothing else changed."""
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
        raise NotEditableError("its format is unusual")
    return result


def removed(text: str, registration: Registration) -> str:
    """The text without the import and the entry, and nothing else changed."""
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
            raise NotEditableError(f"line {line_of(node)} uses {wanted.name} too")
    if indices:
        text = source.edited(display.entries.removed(indices[0]))
    return remove_import(Source(text), wanted, above=registration.above(source, display))


def is_use(node: ast.AST, name: str) -> bool:
    """Whether the expression reads the name."""
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
