"""Modules of the project: their paths and names, and the names that their source mentions."""

import ast
from pathlib import Path

from chassis_tools.scaffolding.source import parse_quietly
from manage.errors import CommandError

BYTE_ORDER_MARK = "\ufeff"


def read(root: Path, path: str) -> str:
    """Return a file's text with its line endings unchanged."""
    try:
        return (root / path).read_bytes().decode()
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not encoded in UTF-8") from None


def parse(source: str, path: str) -> ast.Module:
    """Parse a module; raise CommandError if it is not valid Python."""
    try:
        return parse_quietly(source.removeprefix(BYTE_ORDER_MARK))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise CommandError(f"{path} is not valid Python: {error}") from error


def describe_missing_module(error: ModuleNotFoundError) -> str:
    """Return the reason and the remedy for a module that cannot be imported."""
    name = error.name or str(error)
    if name.partition(".")[0] == "app":
        return f"{name} does not exist, but is imported: restore it from git or remove the import"
    return f"{name} is not installed: run `uv sync` first"


def get_module_path(module: str) -> str:
    """Return the path of a module's file in the project."""
    return module.replace(".", "/") + ".py"


def get_module_name(path: str) -> str:
    """Return the dotted name of a file's module."""
    return path.removesuffix(".py").replace("/", ".")


def find_module_path(root: Path, module: str) -> str | None:
    """Return the path of a module or package, or None if the project does not have it."""
    paths = (get_module_path(module), get_module_path(f"{module}.__init__"))
    return next((path for path in paths if (root / path).is_file()), None)


def resolve_module(node: ast.ImportFrom, path: str) -> str:
    """Return the full name of the module that a statement in a file imports from."""
    if not node.level:
        return node.module or ""
    package = path.split("/")[: -node.level]
    return ".".join([*package, *filter(None, [node.module])])


def get_dotted_name(node: ast.expr) -> str:
    """Return a name with its attributes, such as `models.Order`; empty for other expressions."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (prefix := get_dotted_name(node.value)):
        return f"{prefix}.{node.attr}"
    return ""


def get_plain_names(expressions: list[ast.expr]) -> frozenset[str]:
    """Return the plain names among expressions."""
    return frozenset(node.id for node in expressions if isinstance(node, ast.Name))


def get_assigned_names(statement: ast.stmt) -> frozenset[str]:
    """Return the plain names that a statement assigns, with or without an annotation."""
    if isinstance(statement, ast.AnnAssign):
        return get_plain_names([statement.target] if statement.value else [])
    return get_plain_names(statement.targets) if isinstance(statement, ast.Assign) else frozenset()


def find_functions(module: ast.Module) -> set[str]:
    """Return the names of the functions that a module defines."""
    function_types = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {statement.name for statement in module.body if isinstance(statement, function_types)}
