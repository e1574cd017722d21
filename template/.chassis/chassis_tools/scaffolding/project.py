"""The project that resources are added to: its models, registries and migrations."""

import ast
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from secrets import randbelow

from chassis_tools.scaffolding.fields import Target
from chassis_tools.scaffolding.models import Model, read_models
from chassis_tools.scaffolding.modules import find_functions, get_module_path, parse, read
from chassis_tools.scaffolding.names import NAME, ResourceNames, to_class_name, to_snake_case
from chassis_tools.scaffolding.words import singularize
from manage.errors import CommandError

TIMESTAMP_FORMAT = "%Y%m%d%H%M%S"
# Base classes of the kernel that a reference's target cannot have: a foreign key needs an `id`, and
# with tenants also a tenant.
OTHER_BASES = frozenset({"Base", "Entity", "SharedRecord"})
# The schemas of users, in either layout.
ROLE_FILES = ("app/users/schemas.py", "app/schemas/user.py")
# An SQL statement that changes the table {0}, or a call of Alembic's `op` with nested `op.f` calls.
TABLE_CHANGE = (
    r'\b(?:ALTER\s+TABLE(?:\s+IF\s+EXISTS)?|ON)\s+(?:ONLY\s+)?(?:public\.)?"?{0}\b'
    r'|\bop\.(?!f\b|create_table|drop_table)\w+\((?:[^()]|\([^()]*\))*"{0}"'
)


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
        return read(self.root, path)

    @cached_property
    def models(self) -> dict[str, Model]:
        """Models by class name, from the project's registry and the kernel's."""
        paths = ("app/builtin/models.py", self.get_registry_path("models"))
        models = [model for path in paths for model in read_models(self.root, path)]
        return {model.class_name: model for model in models}

    def suggest_resource(self, text: str) -> str | None:
        """Return the existing resource that a misspelled name may mean, or None."""
        snake_case = to_snake_case(text)
        for name in (snake_case, singularize(snake_case) or snake_case):
            if model := self.find_model(name):
                return self.find_factory_name(model) or to_snake_case(model.class_name)
        return None

    def find_existing_model(self, names: ResourceNames) -> str | None:
        """Return the model that has the class name or the table of a new resource, or None."""
        tables = {model.qualified_table: name for name, model in self.models.items()}
        class_name = names.class_name if names.class_name in self.models else None
        return tables.get(names.plural, class_name)

    def find_model(self, name: str) -> Model | None:
        """Return the model whose class has this name, in any spelling: `sku` is `Sku` or `SKU`."""
        models = {fold_name(class_name): model for class_name, model in self.models.items()}
        return self.models.get(to_class_name(name)) or models.get(fold_name(name))

    def get_target(self, singular: str) -> Target:
        """Return an existing resource as the target of a reference."""
        model = self.find_model(singular)
        factory_name = self.find_factory_name(model) if model else None
        if model is None or singular != (factory_name or singular) or not NAME.fullmatch(singular):
            suggestion = self.suggest_resource(singular)
            raise CommandError(
                f"The resource {singular} does not exist: "
                + (f"use {suggestion}" if suggestion else "create it first, or correct its name")
            )
        if base := next(iter(OTHER_BASES & model.bases), None):
            raise CommandError(
                f"The model {model.class_name} in {model.module} is derived from {base}, and a"
                " reference needs the key of a Record: add the column by hand"
            )
        if model.qualified_table is None:
            raise CommandError(
                f"The model {model.class_name} in {model.module} computes the name or schema of its"
                " table: write both as strings in the class, or add the column by hand"
            )
        if factory_name is None:
            raise CommandError(
                f"{get_module_path(get_factory_module(model.module))} has no function"
                f" make_{singular}, which tests of references to {singular} call: write it first,"
                " like make_user in the users' factory"
            )
        factory, owned = get_factory_module(model.module), "OwnedMixin" in model.bases
        return Target(
            singular, model.class_name, model.qualified_table, model.module, factory, owned
        )

    def check_role(self, role: str) -> None:
        """Reject a role that users cannot have; the schemas of users list the roles."""
        paths = [path for path in ROLE_FILES if (self.root / path).is_file()]
        roles = [name for path in paths for name in read_roles(self.read(path), path)]
        if not roles:
            raise CommandError(
                f"The roles are unknown: {' or '.join(paths or ROLE_FILES)} has no Role = Literal[…]"
            )
        if role not in roles:
            models = paths[0].replace("schemas", "models")
            raise CommandError(
                f"There is no role {role!r}: the roles are {', '.join(roles)}; add another one to"
                f" Role in {paths[0]} and to the CHECK in {models}, and create a migration"
            )

    def find_factory_name(self, model: Model) -> str | None:
        """Return the name in the function `make_…` that creates a row of the model for a test.

        The class does not tell it: `phase_2` and `phase2` both become `Phase2`.
        """
        path = get_module_path(get_factory_module(model.module))
        if not (self.root / path).is_file():
            return None
        functions = sorted(find_functions(parse(self.read(path), path)))
        names = [name.removeprefix("make_") for name in functions if name.startswith("make_")]
        matches = [name for name in names if fold_name(name) == fold_name(model.class_name)]
        return min(matches, key=lambda name: to_class_name(name) != model.class_name, default=None)


def read_roles(text: str, path: str) -> list[str]:
    """Return the texts in `Role = Literal[…]` of a module."""
    for statement in parse(text, path).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="Role")], value=ast.Subscript(slice=values)):
                constants = (node for node in ast.walk(values) if isinstance(node, ast.Constant))
                return [node.value for node in constants if isinstance(node.value, str)]
    return []


def fold_name(name: str) -> str:
    """Return a name in lower case without underscores."""
    return name.lower().replace("_", "")


def next_version(folder: Path) -> str:
    """Return the current time as a version, or a time after the newest version if that is later.

    Two branches must not choose the same time after a version that is far ahead of the clock.
    """
    versions = (path.stem.partition("_")[0] for path in folder.glob("[0-9]*_*"))
    newest, now = max(versions, default=""), datetime.now(UTC)
    try:
        last = datetime.strptime(newest, TIMESTAMP_FORMAT).replace(tzinfo=UTC)
    except ValueError:  # The project numbers its migrations in another way.
        return now.strftime(TIMESTAMP_FORMAT)
    is_far_ahead = last - now > timedelta(minutes=1)
    step = 1 + (randbelow(999) if is_far_ahead else 0)
    return max(now, last + timedelta(seconds=step)).strftime(TIMESTAMP_FORMAT)


def find_role_file(role: str, names: ResourceNames, files: Collection[str]) -> str | None:
    """Return the file that has a role in a resource, such as `models`, in either layout."""
    paths = (f"app/{names.plural}/{role}.py", f"app/{role}/{names.singular}.py")
    return next((path for path in paths if path in files), None)


def get_factory_module(model_module: str) -> str:
    """Return the module of a model's factory, in either layout."""
    package, _, last = model_module.removeprefix("app.").rpartition(".")
    if package == "models":
        return f"tests.factories.{last}"
    return f"tests.{package}.factory" if package else "tests.factory"


def is_table_changed(migration: str, table: str) -> bool:
    """Return True if a migration, in SQL or for Alembic, changes the table or adds to it."""
    return bool(re.search(TABLE_CHANGE.format(re.escape(table)), migration, re.IGNORECASE))
