"""Who needs a resource."""

import ast
from collections.abc import Collection, Iterator

from manage.scaffolding.names import ResourceNames
from manage.scaffolding.project import Project, module_name, parse

SEARCHED = ("app", "manage", "tests")


def files_that_need(project: Project, names: ResourceNames, own: Collection[str]) -> list[str]:
    """The files, beside its own and the registries, that refer to a resource."""
    modules = {module_name(path) for path in own if path.endswith(".py")}
    skipped = {*own, project.registry("models"), project.registry("routes")}
    return [
        path
        for path in python_files(project)
        if path not in skipped and needs(parse(project.read(path), path), names, modules)
    ]


def python_files(project: Project) -> Iterator[str]:
    """The project's modules."""
    for folder in SEARCHED:
        for path in sorted((project.root / folder).rglob("*.py")):
            yield path.relative_to(project.root).as_posix()


def needs(module: ast.Module, names: ResourceNames, modules: Collection[str]) -> bool:
    """Whether a module imports one of these, or refers to the resource's table."""
    return any(
        is_import(node, names, modules) or is_foreign_key(node, names) for node in ast.walk(module)
    )


def is_import(node: ast.AST, names: ResourceNames, modules: Collection[str]) -> bool:
    """Whether it imports one of the modules, or the model from its registry."""
    if isinstance(node, ast.Import):
        return any(alias.name in modules for alias in node.names)
    if not isinstance(node, ast.ImportFrom) or node.level:
        return False
    imported = {alias.name for alias in node.names}
    by_module = {f"{node.module}.{name}" for name in imported}
    from_registry = node.module == "app.models" and names.class_name in imported
    return node.module in modules or not by_module.isdisjoint(modules) or from_registry


def is_foreign_key(node: ast.AST, names: ResourceNames) -> bool:
    """Whether it is the text `table.column` of the resource's table, as keys refer to it."""
    columns = (f"{names.plural}.id", f"{names.plural}.tenant_id")
    return isinstance(node, ast.Constant) and node.value in columns
