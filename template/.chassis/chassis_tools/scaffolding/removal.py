"""The plan to remove a resource and its table."""

import subprocess
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.core.paths import PROJECT_ROOT

from chassis_tools.migration_files import are_newest, reverse_migration
from chassis_tools.scaffolding.changes import Change, ChangeSet, Migrations, read_migrations
from chassis_tools.scaffolding.children import find_children
from chassis_tools.scaffolding.modules import get_module_name
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import (
    Project,
    find_role_file,
    is_table_changed,
    next_version,
)
from chassis_tools.scaffolding.registries import remove_model, remove_router
from chassis_tools.scaffolding.templates import Record, get_record_path, read_record
from chassis_tools.scaffolding.usage import find_uses
from manage.errors import CommandError
from manage.migrations.history import read_revision

KERNEL_RESOURCES = {"user", "auth", "tenant", "core", "api_key", "login_session", "user_token"}


@dataclass(frozen=True)
class ScaffoldedResource:
    """A resource that `manage make` or `manage inspect --write` created."""

    project: Project
    singular: str
    record: Record
    migrations: Migrations

    @classmethod
    def find(cls, project: Project, singular: str) -> "ScaffoldedResource":
        """Find the resource; raise CommandError if it has no record in scaffold/resources/."""
        if singular in KERNEL_RESOURCES:
            raise CommandError(f"{singular} is part of the kernel and cannot be removed")
        record = read_record(project.root, singular) if singular.isidentifier() else None
        if record is None:
            suggestion = project.suggest_resource(singular)
            advice = f"use {suggestion}" if suggestion else "correct the name or delete its code"
            raise CommandError(f"There is no record of a resource {singular!r}: {advice}")
        return cls(project, singular, record, read_migrations(project.root))

    @property
    def names(self) -> ResourceNames:
        """Forms of the resource's name."""
        return ResourceNames(self.singular, self.record.plural)

    @property
    def table_migrations(self) -> list[str]:
        """Paths of the migrations that create the table and add columns, oldest first.

        There are none if the migration that creates the table does not exist.
        """
        recorded = [path for path in sorted(self.record.files) if path.startswith("migrations/")]
        existing = [path for path in recorded if (self.project.root / path).is_file()]
        return existing if existing[:1] == recorded[:1] else []

    def reject_edited(self) -> None:
        """Reject a resource with edited files."""
        if edited := self.record.find_edited(self.project.root):
            raise CommandError(
                f"You edited {', '.join(edited)}: add --force to delete your changes too"
            )

    def reject_used(self, parent_changes: Sequence[Change] = ()) -> None:
        """Reject a resource that other files use, after the changes of a child's parent."""
        if children := find_children(self.project, self.names):
            names = [child.names.singular for child in children]
            raise CommandError(
                f"{self.singular} is the parent of {' and '.join(names)}: first run"
                f" `manage remove {names[0]}`"
            )
        changes = [*self._plan_deregistrations(), *parent_changes]
        changes = [change for change in changes if change.path.suffix == ".py"]
        registries = {change.path.as_posix(): (change.after or b"").decode() for change in changes}
        if uses := find_uses(self.project, self.names, self.record.files, registries):
            raise CommandError(
                f"{self.singular} is used by {', '.join(uses)}: remove that code first, or"
                " the resource that it belongs to"
            )

    def plan_removal(
        self, *, drop_migration: dict[str, str] | None, parent_changes: Sequence[Change] = ()
    ) -> ChangeSet:
        """Plan the removal of the files and registrations.

        `drop_migration` maps the path of the migration that drops the table to its text; with it,
        the migration that creates the table is kept.
        """
        root = self.project.root
        deleted = [path for path in self.record.files if not path.startswith("migrations/")]
        if drop_migration is None:
            deleted += self.table_migrations
        changes = [
            Change(Path(path), (root / path).read_bytes(), None)
            for path in [*deleted, get_record_path(self.singular)]
            if (root / path).is_file() and not self._is_shared_package(path)
        ]
        created = [
            Change(Path(path), None, text.encode()) for path, text in (drop_migration or {}).items()
        ]
        edited = [*self._plan_deregistrations(), *parent_changes]
        return ChangeSet([*changes, *created, *edited], self.migrations)

    def _is_shared_package(self, path: str) -> bool:
        """Return True if the path is the `__init__.py` of a package with other modules."""
        if not path.endswith("/__init__.py"):
            return False
        root = self.project.root
        modules = (root / path).parent.rglob("*.py")
        return any(file.relative_to(root).as_posix() not in self.record.files for file in modules)

    def _plan_deregistrations(self) -> list[Change]:
        """Plan the removal from the registries."""
        changes = []
        for role, remove, name in (
            ("models", remove_model, self.names.class_name),
            ("routes", remove_router, self.names.plural),
        ):
            if path := find_role_file(role, self.names, self.record.files):
                registry = self.project.get_registry_path(role)
                text = self.project.read(registry)
                edited = remove(text, module=get_module_name(path), name=name)
                changes.append(Change(Path(registry), text.encode(), edited.encode()))
        return changes


@dataclass(frozen=True)
class TablePlan:
    """The plan for the table: delete its migration, or write a migration that drops it."""

    drop_migration: dict[str, str] | None = None
    """The text of the migration that drops the table, by path; empty if it must be generated."""
    roll_back: Callable[[], None] | None = None
    """Roll back the migration in the local database; None if it is not applied there."""

    @property
    def warning(self) -> str:
        """Warning about lost data for the confirmation; empty if no data is lost."""
        return ", and the table and its rows in the local database" if self.roll_back else ""

    @property
    def next_step(self) -> str:
        """Next step for the user; empty if there is none."""
        if self.drop_migration == {}:
            return (
                "Later migrations changed its table: run `uv run manage migrate create --allow-drop"
                " -m …` to write a reversible migration that drops it."
            )
        return "Run `uv run manage migrate apply` to drop its table." if self.drop_migration else ""


def plan_table_removal(resource: ScaffoldedResource) -> TablePlan:
    """Plan a rollback if only this machine has the migrations, otherwise a new migration."""
    paths, project = resource.table_migrations, resource.project
    if not paths:
        return TablePlan()
    names = {read_revision(project.root / path).name for path in paths}
    if are_newest(names) and not any(is_shared(project, path) for path in paths):
        steps = len(find_applied_locally(names))
        return TablePlan(roll_back=partial(roll_back_locally, steps) if steps else None)
    if is_changed_later(resource, paths[0]):
        return TablePlan(drop_migration={})
    version = next_version(project.root / "migrations" / "app")
    suffix = paths[0].rpartition(".")[2]
    target = f"migrations/app/{version}_drop_{resource.record.plural}.{suffix}"
    return TablePlan(drop_migration={target: reverse_migration(project.read(paths[0]))})


def is_shared(project: Project, path: str) -> bool:
    """Return True if other machines may have the migration.

    It may be on a branch of a remote, or applied to a database other than the local one.
    """
    from app.settings import get_settings

    return bool(get_settings().database_url) or bool(
        run_git(project.root, "log", "--remotes", "--format=%H", "-1", "--", path)
    )


def find_applied_locally(names: Collection[str]) -> list[str]:
    """Return those of the migrations that are applied to the local database."""
    from manage.database import find_applied_migrations, get_migration_url

    if not (PROJECT_ROOT / ".postgres" / "data").exists():
        return []
    return [name for name in find_applied_migrations(get_migration_url()) if name in names]


def roll_back_locally(steps: int) -> None:
    """Roll back the newest migrations of the local database."""
    from manage.database import get_migration_url
    from manage.migrations.tool import roll_back_migrations

    roll_back_migrations(get_migration_url(), history="app", steps=steps, report=True)


def run_git(root: Path, *arguments: str) -> str:
    """Return git's output; empty if git is not installed or fails."""
    try:
        process = subprocess.run(  # noqa: S603 (fixed arguments, no shell)
            ["git", *arguments],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return process.stdout.strip()


def is_changed_later(resource: ScaffoldedResource, creation: str) -> bool:
    """Return True if a later migration changes the table."""
    created = resource.project.root / creation
    later = [file for file in created.parent.glob(f"*{created.suffix}") if file.name > created.name]
    table = resource.record.plural
    return any(is_table_changed(file.read_text(encoding="utf-8"), table) for file in later)
