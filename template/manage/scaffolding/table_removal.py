"""What becomes of the table of a resource that is removed."""

from collections.abc import Callable
from dataclasses import dataclass

from manage.scaffolding import elsewhere
from manage.scaffolding.altering import alters
from manage.scaffolding.dropping import undo
from manage.scaffolding.removing import Resource
from manage.scaffolding.versions import next_version


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
    if elsewhere.is_newest(project, path) and not elsewhere.is_shared(project, path):
        applied = elsewhere.is_applied_locally(project, path)
        return TablePlan(undo=elsewhere.roll_back if applied else None)
    if was_changed(resource, path):
        return TablePlan(dropping={})
    version = next_version(project.root / "migrations" / "app")
    suffix = path.rpartition(".")[2]
    target = f"migrations/app/{version}_drop_{resource.record.plural}.{suffix}"
    return TablePlan(dropping={target: undo(project.read(path), version)})


def was_changed(resource: Resource, creation: str) -> bool:
    """Whether a later migration than the one that creates the table changes it."""
    created = resource.project.root / creation
    later = [file for file in created.parent.glob(f"*{created.suffix}") if file.name > created.name]
    table = resource.record.plural
    return any(alters(file.read_text(encoding="utf-8"), table) for file in later)
