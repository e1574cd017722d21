"""The project that a resource is added to."""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from chassis_tools.scaffolding.fields import Target
from chassis_tools.scaffolding.names import ResourceNames, snake_case
from chassis_tools.scaffolding.words import singular_of
from manage.errors import CommandError

STAMP = "%Y%m%d%H%M%S"
FIRST = "0001"


def next_version(folder: Path) -> str:
    """Return a version after all existing ones: 0001 in an empty folder, otherwise a timestamp."""
    taken = sorted(path.stem.partition("_")[0] for path in folder.glob("[0-9]*_*"))
    if not taken:
        return FIRST
    now = datetime.now(UTC)
    if len(taken[-1]) == len(now.strftime(STAMP)) and taken[-1] >= now.strftime(STAMP):
        now = datetime.strptime(taken[-1], STAMP).replace(tzinfo=UTC) + timedelta(seconds=1)
    return now.strftime(STAMP)


@dataclass(frozen=True)
class Model:
    """A class in the registry of models."""

    class_name: str
    module: str
    table: str
    bases: frozenset[str]
    schema: str = "public"

    @property
    def place(self) -> str:
        """Name of the table in foreign keys."""
        return self.table if self.schema == "public" else f"{self.schema}.{self.table}"


@dataclass(frozen=True)
class Project:
    """A rendered project."""

    root: Path

    def registry(self, name: str) -> str:
        """Return the path of a registry, `models` or `routes`."""
        places = (f"app/{name}.py", f"app/{name}/__init__.py")
        for place in places:
            if (self.root / place).is_file():
                return place
        raise CommandError(f"There is no registry of {name}: create {places[0]} or {places[1]}")

    def read(self, path: str) -> str:
        """Return a file's text with its line endings unchanged."""
        try:
            return (self.root / path).read_bytes().decode()
        except UnicodeDecodeError:
            raise CommandError(f"{path} is not encoded in UTF-8") from None

    @cached_property
    def models(self) -> dict[str, Model]:
        """Models by class name, as the registry and the kernel's own registry import them."""
        found = {}
        for path in ("app/builtin/models.py", self.registry("models")):
            for module, name in imported(parse(self.read(path), path)):
                if model := self._model(module, name):
                    found[name] = model
        return found

    def _model(self, module: str, name: str) -> Model | None:
        path = module_path(module)
        if not (self.root / path).is_file():
            return None
        for statement in parse(self.read(path), path).body:
            if isinstance(statement, ast.ClassDef) and statement.name == name:
                table, schema = table_name(statement), table_schema(statement)
                bases = names(statement.bases)
                return Model(name, module, table, bases, schema) if table else None
        return None

    def meant(self, text: str) -> str | None:
        """Return the existing resource that a misspelled name may mean, or None."""
        spelled = snake_case(text)
        names = {snake_case(name) for name in self.models}
        return next((name for name in (spelled, singular_of(spelled)) if name in names), None)

    def target(self, singular: str, class_name: str) -> Target:
        """Return an existing resource as the target of a reference."""
        model = self.models.get(class_name)
        if model is None or singular != snake_case(class_name):
            meant = self.meant(singular)
            raise CommandError(
                f"The resource {singular} does not exist: "
                + (f"use {meant}" if meant else "create it first, or correct its name")
            )
        if "Entity" in model.bases:
            raise CommandError(
                f"{singular} has the primary key of an existing table, and a reference is a UUID:"
                " add the column by hand"
            )
        factory, owned = self._factory(singular, model), "OwnedMixin" in model.bases
        return Target(singular, class_name, model.table, model.module, factory, owned)

    def _factory(self, singular: str, model: Model) -> str:
        """Return the module of the function that creates a row of the resource for a test."""
        factory = factory_module(model.module)
        path = module_path(factory)
        functions = defined(parse(self.read(path), path)) if (self.root / path).is_file() else set()
        if f"make_{singular}" not in functions:
            raise CommandError(
                f"{path} has no function make_{singular}, which tests of references to {singular}"
                " call: write it first, as the users' factory does"
            )
        return factory


def place_of(role: str, names: ResourceNames, files: Collection[str]) -> str | None:
    """Return the file that has a role in a resource, such as `models`, in either layout."""
    places = (f"app/{names.plural}/{role}.py", f"app/{role}/{names.singular}.py")
    return next((path for path in places if path in files), None)


def parse(source: str, path: str) -> ast.Module:
    """Parse a module; raise CommandError if it is not valid Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise CommandError(f"{path} is not valid Python: {error}") from error


def imported(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the module and name of each absolute `from … import …`."""
    for statement in ast.walk(module):
        if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            for alias in statement.names:
                yield statement.module, alias.name


def module_path(module: str) -> str:
    """Return the path of a module's file in the project."""
    return module.replace(".", "/") + ".py"


def module_name(path: str) -> str:
    """Return the dotted name of a file's module."""
    return path.removesuffix(".py").replace("/", ".")


def factory_module(model_module: str) -> str:
    """Return the module of a model's factory, in either layout."""
    package, _, last = model_module.removeprefix("app.").rpartition(".")
    return f"tests.factories.{last}" if package == "models" else f"tests.{package}.factory"


def names(expressions: list[ast.expr]) -> frozenset[str]:
    """Return the plain names among expressions."""
    return frozenset(one.id for one in expressions if isinstance(one, ast.Name))


def defined(module: ast.Module) -> set[str]:
    """Return the names of the functions that a module defines."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {statement.name for statement in module.body if isinstance(statement, kinds)}


def table_name(model: ast.ClassDef) -> str:
    """Return the `__tablename__` of a model; empty if it has none."""
    for statement in model.body:
        if isinstance(statement, ast.Assign) and "__tablename__" in names(statement.targets):
            return str(ast.literal_eval(statement.value))
    return ""


def table_schema(model: ast.ClassDef) -> str:
    """Return the schema in a model's `__table_args__`; "public" if there is none."""
    for statement in model.body:
        if isinstance(statement, ast.Assign) and "__table_args__" in names(statement.targets):
            *_, last = getattr(statement.value, "elts", [statement.value])
            if isinstance(last, ast.Dict):
                options = zip(map(ast.unparse, filter(None, last.keys)), last.values, strict=False)
                schema = dict(options).get("'schema'")
                return str(ast.literal_eval(schema)) if schema else "public"
    return "public"


# An SQL statement or a call of `op`, with nested calls of `op.f`, that changes the table {0}.
CHANGE = (
    r'\b(?:ALTER\s+TABLE(?:\s+IF\s+EXISTS)?|ON)\s+(?:ONLY\s+)?(?:public\.)?"?{0}\b'
    r'|\bop\.(?!f\b|create_table|drop_table)\w+\((?:[^()]|\([^()]*\))*"{0}"'
)


def alters(migration: str, table: str) -> bool:
    """Return True if a migration, in SQL or for Alembic, changes the table or adds to it."""
    return bool(re.search(CHANGE.format(re.escape(table)), migration, re.IGNORECASE))
