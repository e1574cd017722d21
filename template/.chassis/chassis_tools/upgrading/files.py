"""The owners of a project's files, conflicts of an upgrade, and edited files that it deleted."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from chassis_tools.upgrading.repository import Repository
from manage.errors import CommandError

Owner = Literal["managed", "vendored", "shared", "owned"]

OWNERSHIP = Path(".chassis", "ownership.json")
MARKERS = re.compile(rb"^<{7} .*?^={7}\r?$.*?^>{7} ", re.MULTILINE | re.DOTALL)
RETIRED = (
    "you edited this file, and the template no longer has it: move your changes, then `git rm` it"
)


@dataclass(frozen=True)
class Conflict:
    """A file that needs a decision, and how to resolve it."""

    path: str
    remedy: str


def read_owners(root: Path) -> dict[str, Owner]:
    """Return the owner of each path in the ownership map; paths of folders end with a slash."""
    try:
        paths_by_owner = json.loads((root / OWNERSHIP).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{OWNERSHIP.as_posix()} cannot be read: restore it from git") from error
    return {path: cast(Owner, owner) for owner, paths in paths_by_owner.items() for path in paths}


def find_owner(path: str, owners: Mapping[str, Owner]) -> Owner:
    """Return the owner of a file: that of the longest matching entry, otherwise `owned`."""
    entry = max((entry for entry in owners if is_covered(path, entry)), key=len, default="")
    return owners.get(entry, "owned")


def group_by_owner(paths: Iterable[str], root: Path) -> dict[Owner, list[str]]:
    """Group paths by owner; each group is sorted."""
    owners = read_owners(root)
    groups: dict[Owner, list[str]] = {owner: [] for owner in get_args(Owner)}
    for path in sorted(paths):
        groups[find_owner(path, owners)].append(path)
    return groups


def is_covered(path: str, entry: str) -> bool:
    """Return True if an entry is this path or a folder that contains it."""
    return path == entry or (entry.endswith("/") and path.startswith(entry))


def find_conflicts(repository: Repository) -> list[Conflict]:
    """List the conflicts, one for each file."""
    conflicts = {conflict.path: conflict for conflict in iterate_conflicts(repository)}
    return [conflicts[path] for path in sorted(conflicts)]


def iterate_conflicts(repository: Repository) -> Iterator[Conflict]:
    """Yield the conflicts; if a file has two, the second has the more specific remedy."""
    for path in repository.list_unmerged():
        yield Conflict(path, "keep, edit or delete it, then `git add` or `git rm` it")
    owners = read_owners(repository.root)
    for path in [*repository.list_tracked(), *repository.list_changed()]:
        file = repository.root / path
        # Updates do not write owned files, whose text may contain conflict markers.
        if find_owner(path.removesuffix(".rej"), owners) == "owned" or not file.is_file():
            continue
        if path.endswith(".rej"):
            yield Conflict(path, f"apply it to {path.removesuffix('.rej')} by hand and delete it")
        elif MARKERS.search(file.read_bytes()):
            yield Conflict(
                path, "resolve the conflicts marked with <<<<<<< and >>>>>>>, then `git add` it"
            )


def restore_edited(
    repository: Repository, changed: Sequence[str], render: Callable[[], Path]
) -> list[Conflict]:
    """Restore edited files that an update deleted; `render` renders the old release.

    Vendored files stay deleted: their edits are saved as patches.
    """
    owners = read_owners(repository.root)
    deleted = [
        path
        for path in changed
        if not (repository.root / path).exists() and find_owner(path, owners) != "vendored"
    ]
    if not deleted:
        return []
    rendered = render()
    return [
        Conflict(path, RETIRED) for path in deleted if restore_if_edited(repository, path, rendered)
    ]


def restore_if_edited(repository: Repository, path: str, rendered: Path) -> bool:
    """Restore a deleted file if it was edited; return True if it was."""
    repository.restore([path])
    if read_normalized(repository.root / path) != read_normalized(rendered / path):
        return True
    repository.remove(path)
    return False


def read_normalized(path: Path) -> bytes:
    """Read a file with LF line endings."""
    return normalize(path.read_bytes())


def normalize(content: bytes) -> bytes:
    """Replace CRLF line endings, which git may have written, with LF."""
    return content.replace(b"\r\n", b"\n")
