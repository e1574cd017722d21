"""The list or tuple that a registry is, found in its module."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from manage.scaffolding.entries import Entries
from manage.scaffolding.source import NotEditableError, Source, bindings, line_of, module_level

Assignment = ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class Display:
    """What is assigned to a name once, written out."""

    name: str
    statement: Assignment
    nodes: list[ast.expr]
    entries: Entries

    def strings(self) -> list[str]:
        """What it lists, which has to be strings."""
        values = [node.value for node in self.nodes if isinstance(node, ast.Constant)]
        strings = [value for value in values if isinstance(value, str)]
        if len(strings) < len(self.nodes):
            raise NotEditableError(f"`{self.name}` lists more than names")
        return strings

    def parts(self, source: Source) -> Iterator[ast.AST]:
        """The expressions in the assignment and in statements that extend the list."""
        for node in module_level(source.tree):
            inner = list(ast.walk(node)) if isinstance(node, ast.AugAssign | ast.Expr) else []
            if any(isinstance(part, ast.Name) and part.id == self.name for part in inner):
                yield from inner
        yield from ast.walk(self.statement)


def find_display(source: Source, name: str) -> Display:
    """The registry; refuses a name that gets its value in any other way."""
    values = [node for node in bindings(source.tree, name) if node not in extended(source)]
    if not values:
        raise NotEditableError(f"it has no `{name}`")
    if len(values) > 1:
        raise NotEditableError(f"line {line_of(values[1])} gives `{name}` a value too")
    for statement in source.tree.body:
        if isinstance(statement, Assignment) and target_of(statement) is values[0]:
            return display_in(source, name, statement)
    raise NotEditableError(f"line {line_of(values[0])} gives `{name}` its value in passing")


def display_in(source: Source, name: str, statement: Assignment) -> Display:
    """What the statement assigns, if it is written out."""
    value = statement.value
    if not isinstance(value, ast.List | ast.Tuple):
        raise NotEditableError(f"line {statement.lineno} computes `{name}`")
    if not source.stands_alone(statement):
        raise NotEditableError(f"line {statement.lineno} holds more than `{name}`")
    entries = Entries.of_display(source, value)
    if len(entries) != len(value.elts):
        raise NotEditableError(f"line {statement.lineno} writes `{name}` in an unusual way")
    return Display(name, statement, value.elts, entries)


def target_of(statement: Assignment) -> ast.expr | None:
    """The one target."""
    if isinstance(statement, ast.AnnAssign):
        return statement.target
    return statement.targets[0] if len(statement.targets) == 1 else None


def extended(source: Source) -> list[ast.AST]:
    """Targets that get no new value: of `+=`, and of an annotation alone."""
    return [
        node.target
        for node in module_level(source.tree)
        if isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.AnnAssign) and node.value is None)
    ]
