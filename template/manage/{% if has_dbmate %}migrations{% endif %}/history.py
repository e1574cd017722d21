"""The migration files, `<version>_<title>.sql`; each history has a folder and a table."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.core.paths import MIGRATIONS

from manage.errors import CommandError

HISTORIES = ("core", "app")
FILES = "[0-9]*.sql"  # As dbmate.
# The statement that reads the applied migrations, by table.
APPLIED_QUERIES = {
    "schema_migrations_core": "SELECT 'core/' || version AS name FROM schema_migrations_core",
    "schema_migrations_app": "SELECT 'app/' || version AS name FROM schema_migrations_app",
}


@dataclass(frozen=True)
class Revision:
    """A migration file; files run in the order of their versions, core before app."""

    name: str
    history: str
    title: str
    path: Path


@cache
def get_revisions() -> dict[str, Revision]:
    """Return all revisions on disk by name, the kernel's first."""
    paths = [path for history in HISTORIES for path in sorted((MIGRATIONS / history).glob(FILES))]
    revisions = {revision.name: revision for revision in map(read_revision, paths)}
    if len(revisions) < len(paths):
        raise CommandError("Two migrations have the same version: `manage doctor` names them")
    return revisions


def read_revision(path: Path) -> Revision:
    """Build a revision from a file's path."""
    version, _, title = path.stem.partition("_")
    history = path.parent.name
    return Revision(f"{history}/{version}", history, title.replace("_", " "), path)


def get_heads() -> set[str]:
    """Return the latest revision of each history."""
    return set({revision.history: name for name, revision in get_revisions().items()}.values())


def get_applied_revisions(applied: Collection[str]) -> list[str]:
    """Return the revisions on disk that are in `applied`."""
    return [name for name in get_revisions() if name in applied]


def plan_rollback(applied: Collection[str], history: str, steps: int) -> list[str]:
    """Return the latest applied revisions of a history, or raise CommandError."""
    revisions = get_revisions()
    names = [name for name in get_applied_revisions(applied) if revisions[name].history == history]
    if len(names) < steps:
        raise CommandError(f"The database has fewer applied {history} migrations than --steps")
    return names[-steps:]


def get_pending_revisions(applied: Collection[str]) -> list[str]:
    """Return the revisions that are not in `applied`."""
    return [name for name in get_revisions() if name not in applied]
