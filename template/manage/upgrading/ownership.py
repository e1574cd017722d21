"""Whom a file belongs to: docs/ownership.md of the template says what follows from it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, cast

from manage.errors import CommandError

Owner = Literal["ours", "extended", "yours"]
MAP = Path("manage", "ownership.json")


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
    return owners.get(found, "yours")


def by_owner(paths: Iterable[str], root: Path) -> dict[Owner, list[str]]:
    """Paths by class, sorted."""
    owners = read_owners(root)
    sorted_paths: dict[Owner, list[str]] = {"ours": [], "extended": [], "yours": []}
    for path in sorted(paths):
        sorted_paths[owner_of(path, owners)].append(path)
    return sorted_paths


def fits(path: str, entry: str) -> bool:
    """Whether a path is what the map names, or in that folder."""
    return path == entry or (entry.endswith("/") and path.startswith(entry))
