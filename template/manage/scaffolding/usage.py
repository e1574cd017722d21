"""Who needs a resource."""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from manage.scaffolding.names import ResourceNames
from manage.scaffolding.project import Project, module_name, parse

SEARCHED = ("app", "manage", "tests")
PACKAGE = ".__init__"


@dataclass(frozen=True)
class Traces:
    """What tells that a module needs a resource."""

    class_name: str
    modules: set[str]
    """The resource's own."""
    keys: set[str]
    """Its columns that references name, as in `orders.id`."""

    @cached_property
    def packages(self) -> set[str]:
        """The modules as they are imported whole."""
        return {module.removesuffix(PACKAGE) for module in self.modules}

    def are_in(self, path: str, code: ast.Module) -> bool:
        """Whether a module imports one of these, or says a key in a text, as references do."""
        for node in ast.walk(code):
            match node:
                case ast.Constant() if node.value in self.keys:
                    return True
                case ast.Import() if any(alias.name in self.packages for alias in node.names):
                    return True
                case ast.ImportFrom() if self._are_imported(node, path):
                    return True
        return False

    def _are_imported(self, node: ast.ImportFrom, path: str) -> bool:
        """Whether it imports one of the modules or from it, or the model from its registry.

        Other modules of the resource's package are the team's, and stay.
        """
        module = absolute(node, path)
        imported = {alias.name for alias in node.names}
        by_module = {f"{module}.{name}" for name in imported}
        from_registry = module == "app.models" and self.class_name in imported
        return module in self.modules or not by_module.isdisjoint(self.packages) or from_registry


def files_that_need(project: Project, names: ResourceNames, own: Collection[str]) -> list[str]:
    """The files, beside its own and the registries, that refer to a resource."""
    modules = {module_name(path) for path in own if path.endswith(".py")}
    model = project.models.get(names.class_name)
    keys = {f"{model.place if model else names.plural}.{column}" for column in ("id", "tenant_id")}
    traces = Traces(names.class_name, modules, keys)
    skipped = {*own, project.registry("models"), project.registry("routes")}
    return [
        path
        for path in python_files(project)
        if path not in skipped and traces.are_in(path, parse(project.read(path), path))
    ]


def python_files(project: Project) -> Iterator[str]:
    """The project's modules."""
    for folder in SEARCHED:
        for path in sorted((project.root / folder).rglob("*.py")):
            yield path.relative_to(project.root).as_posix()


def absolute(node: ast.ImportFrom, path: str) -> str:
    """The module that it imports from, in full."""
    if not node.level:
        return node.module or ""
    package = path.split("/")[: -node.level]
    return ".".join([*package, *filter(None, [node.module])])
