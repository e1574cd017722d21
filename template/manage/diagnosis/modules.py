"""The application's modules and what they import, by syntax: nothing of them runs."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from manage.scaffolding.project import Project, module_name, names, parse
from manage.scaffolding.source import module_level


@dataclass(frozen=True)
class Import:
    """A name that a module imports."""

    module: str
    """What it imports, or imports from."""
    target: str
    """What the name stands for, the module in front of it."""
    name: str
    statement: str


@dataclass(frozen=True)
class Module:
    """A file of the application."""

    name: str
    path: str
    tree: ast.Module

    @cached_property
    def imports(self) -> list[Import]:
        """What it imports when it runs, which `if TYPE_CHECKING` is no part of."""
        nodes = [*module_level(self.tree)]
        unused = {id(inner) for node in nodes if is_for_types(node) for inner in ast.walk(node)}
        return [one for node in nodes if id(node) not in unused for one in self._imports(node)]

    @property
    def needs(self) -> list[Import]:
        """What it imports whatever the circumstances: nothing imports it where that is missing."""
        return [one for statement in self.tree.body for one in self._imports(statement)]

    @cached_property
    def read_names(self) -> frozenset[str]:
        """The names whose values it uses."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        return frozenset(node.id for node in nodes if isinstance(node.ctx, ast.Load))

    @property
    def parts(self) -> list[str]:
        """The words of its dotted name."""
        return self.name.split(".")

    def binds(self, name: str) -> bool:
        """Whether it assigns the name at its top level."""
        return any(name in names(targets(statement)) for statement in self.tree.body)

    def _imports(self, node: ast.AST) -> Iterator[Import]:
        if isinstance(node, ast.ImportFrom):
            module, said = self._absolute(node), ast.unparse(node)
            for alias in node.names:
                target = f"{module}.{alias.name}"
                yield Import(module, target, alias.asname or alias.name, said)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                yield Import(alias.name, alias.name, name, ast.unparse(node))

    def _absolute(self, node: ast.ImportFrom) -> str:
        """The module that a statement imports from, relative or not."""
        above = node.level - self.path.endswith("/__init__.py")
        start = self.parts[: len(self.parts) - above] if node.level else []
        return ".".join([*start, *filter(None, [node.module])])


def read_modules(root: Path) -> dict[str, Module]:
    """Every module of the application, by name."""
    project, found = Project(root), {}
    for file in sorted(Path(root, "app").rglob("*.py")):
        path = file.relative_to(root).as_posix()
        name = module_name(path).removesuffix(".__init__")
        found[name] = Module(name, path, parse(project.read(path), path))
    return found


def targets(statement: ast.stmt) -> list[ast.expr]:
    """What a statement assigns to."""
    if isinstance(statement, ast.AnnAssign):
        return [statement.target] if statement.value else []
    return statement.targets if isinstance(statement, ast.Assign) else []


def is_for_types(node: ast.AST) -> bool:
    """Whether a condition holds for type checkers only."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
