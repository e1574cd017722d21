"""Who needs a resource."""

import ast
from collections.abc import Collection, Iterator

from manage.scaffolding.names import ResourceNames
from manage.scaffolding.project import Project, module_name, parse

SEARCHED = ("app", "manage", "tests")
PACKAGE = ".__init__"


def files_that_need(project: Project, names: ResourceNames, own: Collection[str]) -> list[str]:
    """The files, beside its own and the registries, that refer to a resource."""
    modules = {module_name(path) for path in own if path.endswith(".py")}
    model = project.models.get(names.class_name)
    keys = {f"{model.place if model else names.plural}.{column}" for column in ("id", "tenant_id")}
    skipped = {*own, project.registry("models"), project.registry("routes")}
    return [
        path
        for path in python_files(project)
        if path not in skipped and needs(project, path, names, modules, keys)
    ]


def python_files(project: Project) -> Iterator[str]:
    """The project's modules."""
    for folder in SEARCHED:
        for path in sorted((project.root / folder).rglob("*.py")):
            yield path.relative_to(project.root).as_posix()


def needs(
    project: Project,
    path: str,
    names: ResourceNames,
    modules: Collection[str],
    keys: Collection[str],
) -> bool:
    """Whether a module imports one of these, or says a key in a text, as references do."""
    packages = {module.removesuffix(PACKAGE) for module in modules}
    for node in ast.walk(parse(project.read(path), path)):
        match node:
            case ast.Constant() if node.value in keys:
                return True
            case ast.Import() if any(alias.name in packages for alias in node.names):
                return True
            case ast.ImportFrom() if is_import_from(node, path, names, modules):
                return True
    return False


def is_import_from(
    node: ast.ImportFrom, path: str, names: ResourceNames, modules: Collection[str]
) -> bool:
    """Whether it imports one of the modules or from it, or the model from its registry.

    Other modules of the resource's package are the team's, and stay.
    """
    module = absolute(node, path)
    packages = {module.removesuffix(PACKAGE) for module in modules}
    imported = {alias.name for alias in node.names}
    by_module = {f"{module}.{name}" for name in imported}
    from_registry = module == "app.models" and names.class_name in imported
    return module in modules or not by_module.isdisjoint(packages) or from_registry


def absolute(node: ast.ImportFrom, path: str) -> str:
    """The module that it imports from, in full."""
    if not node.level:
        return node.module or ""
    package = path.split("/")[: -node.level]
    return ".".join([*package, *filter(None, [node.module])])
