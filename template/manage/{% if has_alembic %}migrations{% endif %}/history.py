"""The migration files, read without Alembic, whose import would slow every start."""

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.core.paths import MIGRATIONS

from manage.errors import CommandError

HISTORIES = ("core", "tenants", "app")
FILES = "[!_.]*.py"  # Without `__init__.py` and the lock files of editors.
# Alembic stores the heads only; their ancestors are applied too.
APPLIED_QUERIES = {"alembic_version": "SELECT version_num AS name FROM alembic_version"}


@dataclass(frozen=True)
class Revision:
    """A migration file and the names of its parents and dependencies."""

    name: str
    history: str
    title: str
    parents: frozenset[str]
    depends_on: frozenset[str]


@cache
def get_revisions() -> dict[str, Revision]:
    """Return all revisions on disk by name, the kernel's first."""
    paths = [path for history in HISTORIES for path in sorted((MIGRATIONS / history).glob(FILES))]
    revisions = {revision.name: revision for revision in map(read_revision, paths)}
    if len(revisions) < len(paths):
        raise CommandError("Two migrations have the same revision: `manage doctor` names them")
    return revisions


def read_revision(path: Path) -> Revision:
    """Read a migration file without importing it."""
    try:
        module = ast.parse(path.read_text(encoding="utf-8"))
        values = read_assignments(module, {"revision", "down_revision", "depends_on"})
        name, parents = values["revision"], to_set(values["down_revision"])
    except (KeyError, OSError, SyntaxError, ValueError) as error:
        raise CommandError(f"The migration {path} cannot be read: {error}") from error
    title = (ast.get_docstring(module) or path.stem).splitlines()[0]
    return Revision(name, path.parent.name, title, parents, to_set(values.get("depends_on")))


def read_assignments(module: ast.Module, names: Collection[str]) -> dict[str, Any]:
    """Return the literal values that a module assigns to these names."""
    values = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            if isinstance(target, ast.Name) and target.id in names:
                values[target.id] = ast.literal_eval(statement.value)
    return values


def to_set(names: str | Iterable[str] | None) -> frozenset[str]:
    """Convert Alembic's `down_revision` or `depends_on` (None, a name or several) to a set."""
    return frozenset([names] if isinstance(names, str) else names or ())


def get_heads() -> set[str]:
    """Return the heads of all histories; a history with several heads must be merged."""
    parents = {name for revision in get_revisions().values() for name in revision.parents}
    return set(get_revisions()) - parents


def find_rollback_target(applied: Collection[str], history: str) -> str:
    """Return Alembic's target that rolls back the latest applied migration of a history.

    Alembic's own `-1` is ambiguous if the migration merges branches.
    """
    name = find_latest(get_applied_revisions(applied), history)
    return f"{name}@{min(get_revisions()[name].parents, default='base')}"


def get_pending_revisions(applied: Collection[str]) -> list[str]:
    """Return the revisions missing from a database at these heads.

    An unknown head is assumed to be a newer release's, which includes all revisions on disk.
    """
    revisions = get_revisions()
    if any(name not in revisions for name in applied):
        return []
    lineage = find_lineage(applied)
    return [name for name in revisions if name not in lineage]


def get_applied_revisions(applied: Collection[str]) -> list[str]:
    """Return the revisions on disk that a database at these heads is known to have."""
    lineage = find_lineage(get_revisions().keys() & set(applied))
    return [name for name in get_revisions() if name in lineage]


def plan_rollback(applied: Collection[str], history: str, steps: int) -> list[str]:
    """Return the latest revisions of a history and all that depend on them."""
    remaining = get_applied_revisions(applied)
    removed: list[str] = []
    for _ in range(steps):
        latest = find_latest(remaining, history)
        removed += [name for name in remaining if latest in find_lineage([name])]
        remaining = [name for name in remaining if name not in removed]
    return removed


def find_latest(names: Iterable[str], history: str) -> str:
    """Return the last of these revisions in a history, or raise CommandError."""
    revisions = get_revisions()
    own = [name for name in names if revisions[name].history == history]
    parents = {parent for name in own for parent in revisions[name].parents}
    if not own:
        raise CommandError(f"The database has fewer applied {history} migrations than --steps")
    return next(name for name in reversed(own) if name not in parents)


def find_lineage(names: Iterable[str]) -> set[str]:
    """Return these revisions, their ancestors and their dependencies."""
    revisions = get_revisions()
    lineage, remaining = set[str](), list(names)
    while remaining:
        name = remaining.pop()
        if name not in lineage:
            lineage.add(name)
            remaining += revisions[name].parents | revisions[name].depends_on
    return lineage
