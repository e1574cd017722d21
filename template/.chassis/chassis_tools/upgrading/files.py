"""The files of an upgrade: their class, their conflicts and the edits to keep."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from chassis_tools.upgrading.repository import Repository
from manage.errors import CommandError

Owner = Literal["managed", "vendored", "shared", "owned"]
MAP = Path(".chassis", "ownership.json")


def read_owners(root: Path) -> dict[str, Owner]:
    """The map of a project, by path; one that ends with a slash is a folder."""
    try:
        classes = json.loads((root / MAP).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{MAP.as_posix()} cannot be read: bring it back from git") from error
    return {path: cast(Owner, name) for name, paths in classes.items() for path in paths}


def owner_of(path: str, owners: Mapping[str, Owner]) -> Owner:
    """The class of a file, by the longest path in the map; what is not in it is the team's."""
    found = max((entry for entry in owners if fits(path, entry)), key=len, default="")
    return owners.get(found, "owned")


def by_owner(paths: Iterable[str], root: Path) -> dict[Owner, list[str]]:
    """Paths by class, sorted."""
    owners = read_owners(root)
    sorted_paths: dict[Owner, list[str]] = {owner: [] for owner in get_args(Owner)}
    for path in sorted(paths):
        sorted_paths[owner_of(path, owners)].append(path)
    return sorted_paths


def fits(path: str, entry: str) -> bool:
    """Whether a path is what the map names, or in that folder."""
    return path == entry or (entry.endswith("/") and path.startswith(entry))


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
        if owner_of(path.removesuffix(".rej"), owners) == "owned" or not file.is_file():
            continue  # No update writes what is the team's; it may speak of conflicts.
        if path.endswith(".rej"):
            yield Conflict(path, f"apply it to {path.removesuffix('.rej')} by hand and delete it")
        elif MARKERS.search(file.read_bytes()):
            yield Conflict(
                path, "decide between the lines marked <<<<<<< and >>>>>>>, then `git add` it"
            )


REMEDY = "the template has it no more, and you edited it: move what is yours, then `git rm` it"


def keep_edited(
    repository: Repository, changed: Sequence[str], render: Callable[[], Path]
) -> list[Conflict]:
    """Bring back what was edited among the files that are gone; `render` writes the old release."""
    gone = [path for path in changed if not (repository.root / path).exists()]
    if not gone:
        return []
    written = render()
    return [Conflict(path, REMEDY) for path in gone if is_kept(repository, path, written)]


def is_kept(repository: Repository, path: str, written: Path) -> bool:
    """Whether a file that is gone was edited, and therefore is there again."""
    repository.bring_back([path])
    if content(repository.root / path) != content(written / path):
        return True
    repository.remove(path)
    return False


def content(path: Path) -> bytes:
    """A file, whichever line ends git gave it."""
    return path.read_bytes().replace(b"\r\n", b"\n")
