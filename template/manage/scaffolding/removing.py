"""What `manage remove` takes out: exactly what `manage make` wrote."""

from dataclasses import dataclass
from pathlib import Path

from manage.errors import CommandError
from manage.scaffolding.changes import Change, ChangeSet
from manage.scaffolding.history import Migrations, read_migrations
from manage.scaffolding.names import ResourceNames
from manage.scaffolding.project import Project, module_name, place_of
from manage.scaffolding.records import Record, read_record, record_path
from manage.scaffolding.registries import remove_model, remove_router
from manage.scaffolding.usage import files_that_need

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

    def refuse_edited(self) -> None:
        """Stop before the team's own work is deleted."""
        if edited := self.record.edited(self.project.root):
            raise CommandError(
                f"{', '.join(edited)} changed since `manage make` wrote it: --force deletes it"
                " all the same"
            )

    def refuse_needed(self) -> None:
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
