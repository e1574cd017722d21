"""The project that resources are added to: its models, registries and migrations."""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

from chassis_tools.scaffolding.fields import Target
from chassis_tools.scaffolding.names import ResourceNames, to_snake_case
from chassis_tools.scaffolding.words import singularize
from manage.errors import CommandError

TIMESTAMP_FORMAT = "%Y%m%d%H%M%S"
# An SQL statement that changes the table {0}, or a call of Alembic's `op` with nested `op.f` calls.
TABLE_CHANGE = (
    r'\b(?:ALTER\s+TABLE(?:\s+IF\s+EXISTS)?|ON)\s+(?:ONLY\s+)?(?:public\.)?"?{0}\b'
    r'|\bop\.(?!f\b|create_table|drop_table)\w+\((?:[^()]|\([^()]*\))*"{0}"'
)


@dataclass(frozen=True)
class Model:
    """A model class in a registry."""

    class_name: str
    module: str
    table: str
    bases: frozenset[str]
    schema: str = "public"

    @property
    def qualified_table(self) -> str:
        """Name of the table in foreign keys."""
        return self.table if self.schema == "public" else f"{self.schema}.{self.table}"


@dataclass(frozen=True)
class Project:
    """The project and its files."""

    root: Path

    def get_registry_path(self, name: str) -> str:
        """Return the path of a registry, `models` or `routes`."""
        paths = (f"app/{name}.py", f"app/{name}/__init__.py")
        for path in paths:
            if (self.root / path).is_file():
                return path
        raise CommandError(f"There is no registry of {name}: create {paths[0]} or {paths[1]}")

    def read(self, path: str) -> str:
        """Return a file's text with its line endings unchanged."""
        try:
            return (self.root / path).read_bytes().decode()
        except UnicodeDecodeError:
            raise CommandError(f"{path} is not encoded in UTF-8") from None

    @cached_property
    def models(self) -> dict[str, Model]:
        """Models by class name, from the project's registry and the kernel's."""
        models = {}
        for path in ("app/builtin/models.py", self.get_registry_path("models")):
            for module, name in find_imports(parse(self.read(path), path)):
                if model := self._read_model(module, name):
                    models[name] = model
        return models

    def _read_model(self, module: str, name: str) -> Model | None:
        path = get_module_path(module)
        if not (self.root / path).is_file():
            return None
        for statement in parse(self.read(path), path).body:
            if isinstance(statement, ast.ClassDef) and statement.name == name:
                table, schema = get_table_name(statement), get_table_schema(statement)
                bases = get_plain_names(statement.bases)
                return Model(name, module, table, bases, schema) if table else None
        return None

    def suggest_resource(self, text: str) -> str | None:
        """Return the existing resource that a misspelled name may mean, or None."""
        snake_case = to_snake_case(text)
        names = {to_snake_case(name) for name in self.models}
        return next((name for name in (snake_case, singularize(snake_case)) if name in names), None)

    def get_target(self, singular: str, class_name: str) -> Target:
        """Return an existing resource as the target of a reference."""
        model = self.models.get(class_name)
        if model is None or singular != to_snake_case(class_name):
            suggestion = self.suggest_resource(singular)
            raise CommandError(
                f"The resource {singular} does not exist: "
                + (f"use {suggestion}" if suggestion else "create it first, or correct its name")
            )
        if "Entity" in model.bases:
            raise CommandError(
                f"{singular} was created from an existing table, and references need a resource"
                " that `manage make` created: add the column by hand"
            )
        factory, owned = self._find_factory(singular, model), "OwnedMixin" in model.bases
        return Target(singular, class_name, model.table, model.module, factory, owned)

    def _find_factory(self, singular: str, model: Model) -> str:
        """Return the module of the function that creates a row of the resource for a test."""
        factory = get_factory_module(model.module)
        path = get_module_path(factory)
        is_file = (self.root / path).is_file()
        functions = find_functions(parse(self.read(path), path)) if is_file else set()
        if f"make_{singular}" not in functions:
            raise CommandError(
                f"{path} has no function make_{singular}, which tests of references to {singular}"
                " call: write it first, like make_user in the users' factory"
            )
        return factory


def next_version(folder: Path) -> str:
    """Return a timestamp after all existing versions, so that branches do not write the same."""
    versions = (path.stem.partition("_")[0] for path in folder.glob("[0-9]*_*"))
    newest, now = max(versions, default=""), datetime.now(UTC).strftime(TIMESTAMP_FORMAT)
    if len(newest) == len(now) and newest >= now:
        after = datetime.strptime(newest, TIMESTAMP_FORMAT).replace(tzinfo=UTC)
        return (after + timedelta(seconds=1)).strftime(TIMESTAMP_FORMAT)
    return now


def find_role_file(role: str, names: ResourceNames, files: Collection[str]) -> str | None:
    """Return the file that has a role in a resource, such as `models`, in either layout."""
    paths = (f"app/{names.plural}/{role}.py", f"app/{role}/{names.singular}.py")
    return next((path for path in paths if path in files), None)


def parse(source: str, path: str) -> ast.Module:
    """Parse a module; raise CommandError if it is not valid Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise CommandError(f"{path} is not valid Python: {error}") from error


def find_imports(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the module and name of each absolute `from … import …`."""
    for statement in ast.walk(module):
        if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            for alias in statement.names:
                yield statement.module, alias.name


def get_module_path(module: str) -> str:
    """Return the path of a module's file in the project."""
    return module.replace(".", "/") + ".py"


def get_module_name(path: str) -> str:
    """Return the dotted name of a file's module."""
    return path.removesuffix(".py").replace("/", ".")


def get_factory_module(model_module: str) -> str:
    """Return the module of a model's factory, in either layout."""
    package, _, last = model_module.removeprefix("app.").rpartition(".")
    return f"tests.factories.{last}" if package == "models" else f"tests.{package}.factory"


def get_plain_names(expressions: list[ast.expr]) -> frozenset[str]:
    """Return the plain names among expressions."""
    return frozenset(node.id for node in expressions if isinstance(node, ast.Name))


def find_functions(module: ast.Module) -> set[str]:
    """Return the names of the functions that a module defines."""
    function_types = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {statement.name for statement in module.body if isinstance(statement, function_types)}


def get_table_name(model: ast.ClassDef) -> str:
    """Return the `__tablename__` of a model; empty if it has none."""
    for statement in model.body:
        if is_assignment(statement, "__tablename__"):
            return str(ast.literal_eval(statement.value))
    return ""


def get_table_schema(model: ast.ClassDef) -> str:
    """Return the schema in a model's `__table_args__`; "public" if there is none."""
    for statement in model.body:
        if is_assignment(statement, "__table_args__"):
            *_, last = getattr(statement.value, "elts", [statement.value])
            if isinstance(last, ast.Dict):
                options = zip(map(ast.unparse, filter(None, last.keys)), last.values, strict=False)
                schema = dict(options).get("'schema'")
                return str(ast.literal_eval(schema)) if schema else "public"
    return "public"


def is_assignment(statement: ast.stmt, name: str) -> TypeGuard[ast.Assign]:
    """Return True if the statement assigns to the name."""
    return isinstance(statement, ast.Assign) and name in get_plain_names(statement.targets)


def is_table_changed(migration: str, table: str) -> bool:
    """Return True if a migration, in SQL or for Alembic, changes the table or adds to it."""
    return bool(re.search(TABLE_CHANGE.format(re.escape(table)), migration, re.IGNORECASE))
