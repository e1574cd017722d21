"""The plan to remove a resource and its table."""

import ast
import subprocess
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.core.paths import PROJECT_ROOT

from chassis_tools.migration_files import reverse_migration
from chassis_tools.scaffolding.changes import Change, ChangeSet, Migrations, read_migrations
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import (
    Project,
    alters,
    module_name,
    next_version,
    parse,
    place_of,
)
from chassis_tools.scaffolding.registries import remove_model, remove_router
from chassis_tools.scaffolding.templates import Record, read_record, record_path
from manage.errors import CommandError
from manage.migrations.history import get_heads, read_revision

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


KERNEL = {"user", "auth", "tenant", "core", "api_key", "login_session", "user_token"}


@dataclass(frozen=True)
class Resource:
    """A resource that `manage make` made."""

    project: Project
    singular: str
    record: Record
    migrations: Migrations

    @classmethod
    def find(cls, project: Project, singular: str) -> "Resource":
        """The resource by its name."""
        if singular in KERNEL:
            raise CommandError(f"{singular} belongs to the kernel, which needs it: it stays")
        record = read_record(project.root, singular) if singular.isidentifier() else None
        if record is None:
            meant = project.meant(singular)
            raise CommandError(
                f"`manage make` has made no resource {singular!r}: "
                + (f"use {meant}" if meant else "what is written by hand is taken out by hand")
            )
        return cls(project, singular, record, read_migrations(project.root))

    @property
    def names(self) -> ResourceNames:
        """Its names."""
        return ResourceNames(self.singular, self.record.plural)

    @property
    def migration(self) -> str | None:
        """The path of the migration that creates its table, if that is there."""
        for path in self.record.files:
            if path.startswith("migrations/") and (self.project.root / path).is_file():
                return path
        return None

    def reject_edited(self) -> None:
        """Stop before the team's own work is deleted."""
        if edited := self.record.edited(self.project.root):
            raise CommandError(
                f"{', '.join(edited)} changed since `manage make` wrote it: --force deletes it"
                " all the same"
            )

    def reject_needed(self) -> None:
        """Stop before something loses what it refers to."""
        if needing := files_that_need(self.project, self.names, set(self.record.files)):
            raise CommandError(
                f"{self.singular} is needed by {', '.join(needing)}: take that out first, or remove"
                " the resource that they belong to"
            )

    def removal(self, *, dropping: dict[str, str] | None) -> ChangeSet:
        """The changes; with a migration that drops the table, the one that creates it stays."""
        root = self.project.root
        gone = [path for path in self.record.files if not path.startswith("migrations/")]
        if dropping is None and self.migration:
            gone.append(self.migration)
        changes = [
            Change(Path(path), (root / path).read_bytes(), None)
            for path in [*gone, record_path(self.singular)]
            if (root / path).is_file() and not self._is_package_of_others(path)
        ]
        written = [
            Change(Path(path), None, text.encode()) for path, text in (dropping or {}).items()
        ]
        return ChangeSet([*changes, *written, *self._unregistered()], self.migrations)

    def _is_package_of_others(self, path: str) -> bool:
        if not path.endswith("/__init__.py"):
            return False
        root = self.project.root
        modules = (root / path).parent.rglob("*.py")
        return any(one.relative_to(root).as_posix() not in self.record.files for one in modules)

    def _unregistered(self) -> list[Change]:
        changes = []
        for role, remove, name in (
            ("models", remove_model, self.names.class_name),
            ("routes", remove_router, self.names.plural),
        ):
            if path := place_of(role, self.names, self.record.files):
                registry = self.project.registry(role)
                text = self.project.read(registry)
                edited = remove(text, module=module_name(path), name=name)
                changes.append(Change(Path(registry), text.encode(), edited.encode()))
        return changes


def is_newest(project: Project, path: str) -> bool:
    """Whether no migration follows it."""
    return read_revision(project.root / path).name in get_heads()


def is_shared(project: Project, path: str) -> bool:
    """Whether it is on a branch of a remote, or this project works on another database."""
    from app.settings import get_settings

    return bool(get_settings().database_url) or bool(
        git(project.root, "log", "--remotes", "--format=%H", "-1", "--", path)
    )


def is_applied_locally(project: Project, path: str) -> bool:
    """Whether the local database has it."""
    from manage.database import find_applied_migrations, get_migration_url

    if not (PROJECT_ROOT / ".postgres" / "data").exists():
        return False
    return read_revision(project.root / path).name in find_applied_migrations(
        get_migration_url(), "app"
    )


def roll_back() -> None:
    """Undo the newest migration in the local database."""
    from manage.database import get_migration_url
    from manage.migrations.tool import roll_back_migrations

    roll_back_migrations(get_migration_url(), history="app", steps=1, report=True)


def git(root: Path, *arguments: str) -> str:
    """What git says; nothing if there is no git here."""
    try:
        done = subprocess.run(  # noqa: S603 (a list of ours, no shell)
            ["git", *arguments],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


@dataclass(frozen=True)
class TablePlan:
    """Either the migration goes, or another one drops the table."""

    dropping: dict[str, str] | None = None
    """The migration to write, by path; none, if it has to be written from the database."""
    undo: Callable[[], None] | None = None
    """What takes the table out of the local database."""

    @property
    def loss(self) -> str:
        """What else is lost."""
        return ", and the table with its rows from the local database" if self.undo else ""

    @property
    def next_step(self) -> str:
        """What is left to do."""
        if self.dropping == {}:
            return (
                "Its table was changed since: `uv run manage migrate create -m …` writes the"
                " migration that drops it and can be undone."
            )
        return "`uv run manage migrate apply` drops its table." if self.dropping else ""


def plan_table(resource: Resource) -> TablePlan:
    """Undo the migration where only this machine can have it, else write one that drops."""
    path, project = resource.migration, resource.project
    if path is None:
        return TablePlan()
    if is_newest(project, path) and not is_shared(project, path):
        applied = is_applied_locally(project, path)
        return TablePlan(undo=roll_back if applied else None)
    if was_changed(resource, path):
        return TablePlan(dropping={})
    version = next_version(project.root / "migrations" / "app")
    suffix = path.rpartition(".")[2]
    target = f"migrations/app/{version}_drop_{resource.record.plural}.{suffix}"
    return TablePlan(dropping={target: reverse_migration(project.read(path), version)})


def was_changed(resource: Resource, creation: str) -> bool:
    """Whether a later migration than the one that creates the table changes it."""
    created = resource.project.root / creation
    later = [file for file in created.parent.glob(f"*{created.suffix}") if file.name > created.name]
    table = resource.record.plural
    return any(alters(file.read_text(encoding="utf-8"), table) for file in later)
