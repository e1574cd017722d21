"""Checks of the project's modules and registries, which are parsed, and then imported."""

import ast
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

from chassis_tools.diagnosis.examination import Diagnosis, Finding
from chassis_tools.scaffolding.modules import get_assigned_names, get_module_name, parse
from chassis_tools.scaffolding.project import Project
from chassis_tools.scaffolding.source import walk_module_level
from manage.errors import CommandError, summarize_error

# Modules of the team that the kernel imports.
REQUIRED_MODULES = ("app.main", "app.models", "app.routes", "app.seed", "app.settings")
REGISTRIES = ("app.models", "app.builtin.models", "app.routes", "app.builtin.routes")


@dataclass(frozen=True)
class Import:
    """A name that a module imports."""

    module: str
    """The imported module, or the module that the name is imported from."""
    target: str
    """The dotted name of the imported object."""
    name: str
    """The name in the importing module."""
    statement: str


@dataclass(frozen=True)
class Module:
    """A parsed module of the application."""

    name: str
    path: str
    tree: ast.Module

    @cached_property
    def imports(self) -> list[Import]:
        """The imports at module level, without those under `if TYPE_CHECKING`."""
        nodes = [*walk_module_level(self.tree)]
        skipped = {
            id(child) for node in nodes if is_type_checking(node) for child in ast.walk(node)
        }
        return [
            item for node in nodes if id(node) not in skipped for item in self._parse_imports(node)
        ]

    @cached_property
    def all_imports(self) -> list[Import]:
        """The imports at module level and in functions."""
        return [item for node in ast.walk(self.tree) for item in self._parse_imports(node)]

    @property
    def required_imports(self) -> list[Import]:
        """The unconditional imports; the module cannot be imported if one of them fails."""
        return [item for statement in self.tree.body for item in self._parse_imports(statement)]

    @cached_property
    def read_names(self) -> frozenset[str]:
        """The names that the module reads."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        return frozenset(node.id for node in nodes if isinstance(node.ctx, ast.Load))

    @property
    def parts(self) -> list[str]:
        """The parts of the dotted name."""
        return self.name.split(".")

    def assigns(self, name: str) -> bool:
        """Return True if a top-level statement assigns the name."""
        return any(name in get_assigned_names(statement) for statement in self.tree.body)

    def _parse_imports(self, node: ast.AST) -> Iterator[Import]:
        if isinstance(node, ast.ImportFrom):
            module, statement = self._resolve(node), ast.unparse(node)
            for alias in node.names:
                target = f"{module}.{alias.name}"
                yield Import(module, target, alias.asname or alias.name, statement)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                yield Import(alias.name, alias.name, name, ast.unparse(node))

    def _resolve(self, node: ast.ImportFrom) -> str:
        """Return the absolute name of the module in a `from … import`."""
        levels = node.level - self.path.endswith("/__init__.py")
        package = self.parts[: len(self.parts) - levels] if node.level else []
        return ".".join([*package, *filter(None, [node.module])])


Modules = Mapping[str, Module]


def check_registrations(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find models and routers without a registration, and registrations of missing modules."""
    try:
        modules = read_modules(diagnosis.root)
    except CommandError as error:
        yield Finding("error", str(error), "fix it: modules that import it cannot be imported")
        return
    findings = list(find_wrong_registrations(Project(diagnosis.root), modules))
    yield from findings
    if all(finding.severity != "error" for finding in findings):
        yield from find_import_error(diagnosis.root)


def find_wrong_registrations(project: Project, modules: Modules) -> Iterator[Finding]:
    """Find missing modules, and models and routers that are not registered."""
    yield from find_missing_modules(modules)
    yield from find_broken_imports(modules)
    yield from find_unregistered_models(modules, project.get_registry_path("models"))
    yield from find_unregistered_routers(modules, project.get_registry_path("routes"))
    for registry in REGISTRIES:
        if registry in modules:
            yield from find_stale_registrations(modules, modules[registry])
            yield from find_replaced_lists(modules[registry])


def find_import_error(root: Path) -> Iterator[Finding]:
    """Import the application and document its routes, and find the error that prevents it."""
    problem, advice = "app.main cannot be imported", "fix it: the service does not start"
    try:
        application = import_module("app.main").app
        # FastAPI builds routes when they are used, so an invalid route is found only here.
        problem, advice = "A route is invalid", "fix it: its requests fail"
        application.openapi()
    except SystemExit:
        return  # The settings are invalid, which another check reports.
    except Exception as error:  # The project's modules can raise any exception.
        frames = traceback.extract_tb(error.__traceback__)
        paths = [(Path(frame.filename), frame.lineno) for frame in frames]
        places = [f"{path.relative_to(root)}:{line}" for path, line in paths if is_in(path, root)]
        place = f" in {places[-1]}" if places else ""
        yield Finding(
            "error",
            f"{problem}: {type(error).__name__}{place}: {summarize_error(error)}",
            advice,
        )


def is_in(path: Path, root: Path) -> bool:
    """Return True if a module belongs to the project's application."""
    return path.is_relative_to(root / "app") and not path.is_relative_to(root / "app" / "core")


def read_modules(root: Path) -> dict[str, Module]:
    """Parse every module of the application; return them by name."""
    project, modules = Project(root), {}
    for file in sorted(Path(root, "app").rglob("*.py")):
        path = file.relative_to(root).as_posix()
        name = get_module_name(path).removesuffix(".__init__")
        modules[name] = Module(name, path, parse(project.read(path), path))
    return modules


def find_missing_modules(modules: Modules) -> Iterator[Finding]:
    """Find missing modules that the kernel imports."""
    for name in REQUIRED_MODULES:
        if name not in modules:
            yield Finding(
                "error", f"{name} is missing, and the kernel imports it", "restore it from git"
            )


def find_broken_imports(modules: Modules) -> Iterator[Finding]:
    """Find imports of missing modules that no other function reports."""
    packages = {name.rpartition(".")[0] for name in modules}
    importers = defaultdict(list)
    for module in modules.values():
        imported = {item.module for item in module.required_imports}
        for name in imported:
            if (
                name.startswith("app.")
                and name not in {*modules, *packages, *REQUIRED_MODULES}
                and module.name not in REGISTRIES
            ):
                importers[name].append(module.path)
    for name, paths in sorted(importers.items()):
        yield Finding(
            "error",
            f"{name} does not exist, but is imported by {', '.join(paths)}",
            "restore it from git, or remove the code that uses it",
        )


def find_unregistered_models(modules: Modules, registry: str) -> Iterator[Finding]:
    """Find modules with models that the registries do not import, directly or indirectly."""
    imported = find_reachable(modules, ["app.models", "app.builtin.models"])
    for module in modules.values():
        models = list(find_models(module))
        if "models" in module.parts and models and module.name not in imported:
            quoted = " and ".join(f'"{name}"' for name in models)
            yield Finding(
                "error",
                f"{module.path} defines {', '.join(models)}, but {registry} does not import it:"
                " migrations do not see its tables",
                f"add `from {module.name} import {', '.join(models)}` to {registry}, and {quoted}"
                " to its `__all__`",
            )


def find_unregistered_routers(modules: Modules, registry: str) -> Iterator[Finding]:
    """Find modules with a router that no registry lists and no other module includes."""
    for module in modules.values():
        if "routes" not in module.parts or not module.assigns("router"):
            continue
        if not is_used(modules, {module.name, f"{module.name}.router"}, set()):
            name = next(part for part in reversed(module.parts) if part != "routes")
            yield Finding(
                "warning",
                f"{module.path} has a router, but {registry} does not list it: its operations are"
                " not served",
                f"add `from {module.name} import router as {name}` to {registry}, and `{name}` to"
                " its `routers`",
            )


def find_stale_registrations(modules: Modules, registry: Module) -> Iterator[Finding]:
    """Find imports of missing modules in a registry."""
    for statement, module in {item.statement: item.module for item in registry.imports}.items():
        if module.startswith("app.") and module not in modules:
            yield Finding(
                "error",
                f"{registry.path} imports from {module}, which does not exist",
                f"remove `{statement}` and its names from {registry.path}, or restore the module"
                " from git",
            )


def find_replaced_lists(registry: Module) -> Iterator[Finding]:
    """Find a list that a later statement replaces, as after a merge of lists on single lines."""
    for name in ("__all__", "routers"):
        statements = [node for node in registry.tree.body if name in get_assigned_names(node)]
        # `routers = [*routers, orders]` keeps the entries.
        lines = [node.lineno for node in statements if ast.unparse(node).count(name) == 1]
        if len(lines) > 1:
            yield Finding(
                "error",
                f"{registry.path} assigns `{name}` on lines {' and '.join(map(str, lines))}: the"
                " last list replaces the others",
                f"write one list `{name}` with the entries of all, one per line, so that git can"
                " merge it",
            )


def find_reachable(modules: Modules, starts: list[str]) -> set[str]:
    """Return these modules and all modules that they import, directly or indirectly."""
    reachable: set[str] = set()
    queue = list(starts)
    while queue:
        name = queue.pop()
        if name in modules and name not in reachable:
            reachable.add(name)
            for item in modules[name].imports:
                queue += [item.module, item.target]
    return reachable


def find_models(module: Module) -> Iterator[str]:
    """Yield the names of classes with a `__tablename__`."""
    classes = [statement for statement in module.tree.body if isinstance(statement, ast.ClassDef)]
    for model in classes:
        if any("__tablename__" in get_assigned_names(statement) for statement in model.body):
            yield model.name


def is_used(modules: Modules, targets: set[str], seen: set[str]) -> bool:
    """Return True if a module imports one of the objects, directly or re-exported, and reads it."""
    names: set[str] = set()
    for module in modules.values():
        for item in module.all_imports:
            if item.target in targets:
                if item.name in module.read_names:
                    return True
                names.add(f"{module.name}.{item.name}")
                # The registries are always imported, even if their list lacks the router.
                names |= {module.name} - set(REGISTRIES)
            elif item.name == "*":
                prefix = f"{item.module}."
                names |= {
                    f"{module.name}.{target.removeprefix(prefix)}"
                    for target in targets
                    if target.startswith(prefix)
                }
    exported = names - seen
    return bool(exported) and is_used(modules, exported, seen | names)


def is_type_checking(node: ast.AST) -> bool:
    """Return True for `if TYPE_CHECKING`."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
