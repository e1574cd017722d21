"""The models of the project, read from the source that a registry imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis_tools.scaffolding.modules import (
    find_module_path,
    get_assigned_names,
    get_dotted_name,
    get_module_name,
    parse,
    read,
    resolve_module,
)
from chassis_tools.scaffolding.source import walk_module_level

UNKNOWN = object()
# Bases of classes that are not models.
OTHER_BASES = {"DeclarativeBase", "Enum", "Flag", "IntEnum", "IntFlag", "NamedTuple", "StrEnum"}


@dataclass(frozen=True)
class Model:
    """A model class in a registry."""

    class_name: str
    module: str
    """The module that defines the class."""
    table: str | None
    """Name of the table; None if the model or its schema computes it."""
    bases: frozenset[str]
    schema: str = "public"
    columns: frozenset[str] = frozenset()
    """Names in the body of the class, among them its columns."""

    @property
    def qualified_table(self) -> str | None:
        """Name of the table in foreign keys."""
        return self.table if self.schema == "public" else f"{self.schema}.{self.table}"


def read_models(root: Path, registry: str) -> Iterator[Model]:
    """Yield the models that a registry defines or imports, directly or through other modules."""
    for module, definition in find_classes(root, registry, set()):
        if is_model(definition):
            yield read_model(module, definition)


def find_classes(
    root: Path, path: str, seen: set[tuple[str, str]], only: str | None = None
) -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield the classes that a module defines or imports, each with the module that defines it.

    With `only`, yield the class that has this name in the module; without it, those of imported
    modules, too.
    """
    if (path, only or "*") in seen:
        return
    seen.add((path, only or "*"))
    for statement in walk_module_level(parse(read(root, path), path)):
        if isinstance(statement, ast.ClassDef) and only in (None, statement.name):
            yield get_module_name(path).removesuffix(".__init__"), statement
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            for source, name in resolve_imports(root, path, statement, only):
                yield from find_classes(root, source, seen, name)


def resolve_imports(
    root: Path, path: str, statement: ast.Import | ast.ImportFrom, only: str | None
) -> Iterator[tuple[str, str | None]]:
    """Yield the paths of the modules that a statement imports, and the names to look for there."""
    prefix = resolve_module(statement, path) if isinstance(statement, ast.ImportFrom) else ""
    source = find_module_path(root, prefix) if prefix else None
    for alias in statement.names:
        submodule = find_module_path(root, ".".join(filter(None, [prefix, alias.name])))
        if source and alias.name == "*":
            yield source, only
        elif source and only in (None, alias.asname or alias.name):
            yield source, alias.name
        if submodule and only is None:
            yield submodule, None


def is_model(definition: ast.ClassDef) -> bool:
    """Return True unless a class is a mixin, an enumeration or an abstract base."""
    if find_value(definition, "__abstract__"):
        return False
    bases = {get_dotted_name(base).rpartition(".")[2] for base in definition.bases}
    names = {name for statement in definition.body for name in get_assigned_names(statement)}
    names |= {node.name for node in definition.body if isinstance(node, ast.FunctionDef)}
    has_table = bool(names & {"__tablename__", "__table__"})
    return has_table or (bool(bases) and not bases & OTHER_BASES)


def read_model(module: str, definition: ast.ClassDef) -> Model:
    """Read the table, schema, bases and columns of a model."""
    table = read_literal(find_value(definition, "__tablename__"))
    schema = read_schema(find_value(definition, "__table_args__"))
    bases = [get_dotted_name(base).rpartition(".")[2] for base in definition.bases]
    return Model(
        definition.name,
        module,
        table if isinstance(table, str) and isinstance(schema, str) else None,
        frozenset(bases),
        schema if isinstance(schema, str) else "public",
        frozenset(node.id for node in walk_module_level(definition) if isinstance(node, ast.Name)),
    )


def find_value(definition: ast.ClassDef, name: str) -> ast.expr | None:
    """Return the value that the body of a class assigns to a name, or None."""
    for statement in definition.body:
        if name in get_assigned_names(statement):
            return getattr(statement, "value", None)
    return None


def read_schema(table_args: ast.expr | None) -> Any:
    """Return the schema in `__table_args__`, which is "public" by default, or UNKNOWN."""
    if table_args is None:
        return "public"
    if isinstance(table_args, ast.Tuple):
        table_args = table_args.elts[-1] if table_args.elts else ast.Dict([], [])
        if isinstance(table_args, ast.Call):  # a constraint or an index
            return "public"
    if not isinstance(table_args, ast.Dict):
        return UNKNOWN
    options = {
        read_literal(key) if key else UNKNOWN: value
        for key, value in zip(table_args.keys, table_args.values, strict=True)
    }
    if "schema" in options:
        return read_literal(options["schema"]) or "public"
    return UNKNOWN if UNKNOWN in options else "public"


def read_literal(node: ast.expr | None) -> Any:
    """Return the value of a constant, or UNKNOWN."""
    return node.value if isinstance(node, ast.Constant) else UNKNOWN
