"""The migrations as files: `<version>_<title>.sql`, in a folder and a table for each line."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.core.paths import PROJECT_ROOT

LINES = ("core", "app")
# By table, what the database has applied.
APPLIED = {
    "schema_migrations_core": "SELECT 'core/' || version AS name FROM schema_migrations_core",
    "schema_migrations_app": "SELECT 'app/' || version AS name FROM schema_migrations_app",
}


@dataclass(frozen=True)
class Revision:
    """A migration; those before it in its line and, for the team's, the kernel's come first."""

    name: str
    line: str
    title: str


@cache
def revisions() -> dict[str, Revision]:
    """Every revision on disk by its name, the kernel's line first."""
    folders = [PROJECT_ROOT / "migrations" / line for line in LINES]
    found = [read_revision(path) for folder in folders for path in sorted(folder.glob("*.sql"))]
    return {revision.name: revision for revision in found}


def read_revision(path: Path) -> Revision:
    """What a file's path says."""
    version, _, title = path.stem.partition("_")
    line = path.parent.name
    return Revision(f"{line}/{version}", line, title.replace("_", " "))


def expected_heads() -> set[str]:
    """The last revision of each line."""
    return set({revision.line: name for name, revision in revisions().items()}.values())


def pending(applied: Collection[str]) -> list[str]:
    """The revisions that a database lacks."""
    return [name for name in revisions() if name not in applied]
