"""What an update has left for people to decide; Copier's exit code says nothing of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from manage.upgrading.ownership import owner_of, read_owners
from manage.upgrading.repository import Repository

MARKERS = re.compile(rb"^<{7} .*?^={7}\r?$.*?^>{7} ", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Conflict:
    """A file, and what to do with it."""

    path: str
    remedy: str


def find_conflicts(repository: Repository) -> list[Conflict]:
    """Every file in which two versions wait for a decision."""
    found = {conflict.path: conflict for conflict in conflicts(repository)}
    return [found[path] for path in sorted(found)]


def conflicts(repository: Repository) -> Iterator[Conflict]:
    """The conflicts; a file can be named twice, the better remedy last."""
    for path in repository.unmerged():
        yield Conflict(
            path, "decide what it says, or whether it goes, then `git add` or `git rm` it"
        )
    owners = read_owners(repository.root)
    for path in [*repository.tracked(), *repository.changed()]:
        file = repository.root / path
        if owner_of(path.removesuffix(".rej"), owners) == "yours" or not file.is_file():
            continue  # No update writes what is the team's; it may speak of conflicts.
        if path.endswith(".rej"):
            yield Conflict(path, f"apply it to {path.removesuffix('.rej')} by hand and delete it")
        elif MARKERS.search(file.read_bytes()):
            yield Conflict(
                path, "decide between the lines marked <<<<<<< and >>>>>>>, then `git add` it"
            )
