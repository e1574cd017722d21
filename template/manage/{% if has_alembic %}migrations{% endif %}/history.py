"""The migrations as files: read without Alembic, whose import would slow every start."""

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.core.paths import PROJECT_ROOT

LINES = ("core", "tenants", "app")
# By table, what the database has applied: heads only, what these follow is implied.
APPLIED = {"alembic_version": "SELECT version_num AS name FROM alembic_version"}


@dataclass(frozen=True)
class Revision:
    """A migration, with those that are applied before it."""

    name: str
    line: str
    title: str
    follows: frozenset[str]
    depends_on: frozenset[str]


@cache
def revisions() -> dict[str, Revision]:
    """Every revision on disk by its name, the kernel's line first."""
    folders = [PROJECT_ROOT / "migrations" / line for line in LINES]
    found = [read_revision(path) for folder in folders for path in sorted(folder.glob("*.py"))]
    return {revision.name: revision for revision in found}


def read_revision(path: Path) -> Revision:
    """What a file says about its place among the others."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    said = assignments(module, {"revision", "down_revision", "depends_on"})
    title = (ast.get_docstring(module) or path.stem).splitlines()[0]
    follows, depends_on = as_set(said["down_revision"]), as_set(said.get("depends_on"))
    return Revision(said["revision"], path.parent.name, title, follows, depends_on)


def assignments(module: ast.Module, names: Collection[str]) -> dict[str, Any]:
    """The plain values that the module gives to these names."""
    values = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
        elif isinstance(statement, ast.AnnAssign):
            target = statement.target
        else:
            continue
        if isinstance(target, ast.Name) and target.id in names and statement.value:
            values[target.id] = ast.literal_eval(statement.value)
    return values


def as_set(names: str | Iterable[str] | None) -> frozenset[str]:
    """Alembic's spellings of none, one and several."""
    return frozenset([names] if isinstance(names, str) else names or ())


def expected_heads() -> set[str]:
    """The last revision of each line; more than one in a line is a fork to merge."""
    followed = {name for revision in revisions().values() for name in revision.follows}
    return set(revisions()) - followed


def unmet_kernel_heads(team_heads: Collection[str]) -> list[str]:
    """What a migration that comes behind these has to name, so that it can build on the kernel."""
    known = revisions()
    heads = {name for name in expected_heads() if known[name].line != "app"} - lineage(team_heads)
    return sorted(name for name in heads if name not in lineage(heads - {name}))


def pending(applied: Collection[str]) -> list[str]:
    """The revisions that a database with these heads lacks.

    A head that is not on disk is of a newer release: it has all that this one knows.
    """
    known = revisions()
    if any(name not in known for name in applied):
        return []
    done = lineage(applied)
    return [name for name in known if name not in done]


def lineage(names: Iterable[str]) -> set[str]:
    """These revisions and all that are applied before them."""
    known = revisions()
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += known[name].follows | known[name].depends_on
    return seen
