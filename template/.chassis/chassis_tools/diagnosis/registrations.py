"""Checks of the project's modules and registries, which are parsed and not imported."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from chassis_tools.diagnosis.examination import Finding, Subject
from chassis_tools.scaffolding.project import Project, get_module_name, get_plain_names, parse
from chassis_tools.scaffolding.source import walk_module_level
from manage.errors import CommandError


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
        nodes = [*walk_module_level(self.tree)]
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
        return any(name in get_plain_names(targets(statement)) for statement in self.tree.body)

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
        name = get_module_name(path).removesuffix(".__init__")
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


Modules = Mapping[str, Module]
# The team's, and the kernel imports them.
ENTRIES = ("app.main", "app.models", "app.routes", "app.seed", "app.settings")
REGISTRIES = ("app.models", "app.builtin.models", "app.routes", "app.builtin.routes")


def examine(subject: Subject) -> Iterator[Finding]:
    """Models and routers that nothing registers, and registrations of nothing."""
    try:
        modules = read_modules(subject.root)
    except CommandError as error:
        yield Finding("error", str(error), "mend it: what imports it cannot start")
        return
    project = Project(subject.root)
    yield from missing(modules)
    yield from lost(modules)
    yield from unregistered_models(modules, project.registry("models"))
    yield from unregistered_routers(modules, project.registry("routes"))
    for registry in REGISTRIES:
        if registry in modules:
            yield from gone(modules, modules[registry])


def missing(modules: Modules) -> Iterator[Finding]:
    """What nothing works without."""
    for name in ENTRIES:
        if name not in modules:
            yield Finding(
                "error", f"{name} is missing, and the kernel imports it", "bring it back from git"
            )


def lost(modules: Modules) -> Iterator[Finding]:
    """What modules import that is not there; the entries and the registries have their own words."""
    packages = {name.rpartition(".")[0] for name in modules}
    importers = defaultdict(list)
    for module in modules.values():
        for name in {one.module for one in module.needs if one.module.startswith("app.")}:
            if name not in {*modules, *packages, *ENTRIES} and module.name not in REGISTRIES:
                importers[name].append(module.path)
    for name, paths in sorted(importers.items()):
        yield Finding(
            "error",
            f"{name} is gone, and is imported by {', '.join(paths)}",
            "bring it back from git, or take out what it is for",
        )


def unregistered_models(modules: Modules, registry: str) -> Iterator[Finding]:
    """The modules with tables that the registries do not import, not even by way of others."""
    imported = reached(modules, ["app.models", "app.builtin.models"])
    for module in modules.values():
        tables = list(models(module))
        if "models" in module.parts and tables and module.name not in imported:
            quoted = " and ".join(f'"{name}"' for name in tables)
            yield Finding(
                "error",
                f"{module.path} defines {', '.join(tables)}, and {registry} does not import it,"
                " so that migrations do not know its tables",
                f"add `from {module.name} import {', '.join(tables)}` to {registry}, and {quoted}"
                " to its `__all__`",
            )


def unregistered_routers(modules: Modules, registry: str) -> Iterator[Finding]:
    """The modules with a router that no registry lists, nor another module includes."""
    for module in modules.values():
        if "routes" not in module.parts or not module.binds("router"):
            continue
        if not any(uses_router(other, module.name) for other in modules.values()):
            name = next(part for part in reversed(module.parts) if part != "routes")
            yield Finding(
                "warning",
                f"{module.path} has a router, and {registry} does not list it, so that its"
                " operations are not served",
                f"add `from {module.name} import router as {name}` to {registry}, and `{name}` to"
                " its `routers`",
            )


def gone(modules: Modules, registry: Module) -> Iterator[Finding]:
    """What a registry imports from modules that are not there."""
    for statement, module in {one.statement: one.module for one in registry.imports}.items():
        if module.startswith("app.") and module not in modules:
            yield Finding(
                "error",
                f"{registry.path} imports from {module}, which is gone",
                f"take `{statement}` and what it is for out of {registry.path}, or bring the module"
                " back from git",
            )


def reached(modules: Modules, starts: list[str]) -> set[str]:
    """These modules and all that they import."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in modules and name not in seen:
            seen.add(name)
            for one in modules[name].imports:
                waiting += [one.module, one.target]
    return seen


def models(module: Module) -> Iterator[str]:
    """The classes that have tables."""
    classes = [statement for statement in module.tree.body if isinstance(statement, ast.ClassDef)]
    for model in classes:
        if any("__tablename__" in get_plain_names(targets(statement)) for statement in model.body):
            yield model.name


def uses_router(module: Module, owner: str) -> bool:
    """Whether a module imports another's router, or that module itself, and does something with it."""
    return any(
        one.target in {owner, f"{owner}.router"} and one.name in module.read_names
        for one in module.imports
    )
