"""Whom a file belongs to: docs/ownership.md of the template says what follows from it."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal, cast

Owner = Literal["ours", "extended", "yours"]
PLACE = Path(__file__).parents[1] / "ownership.json"


def owner_of(path: str) -> Owner:
    """The class of a file, by the longest path in the map; what is not in it is the team's."""
    found = max((entry for entry in entries() if fits(path, entry)), key=len, default="")
    return entries().get(found, "yours")


def by_owner(paths: Iterable[str]) -> dict[Owner, list[str]]:
    """Paths by class, sorted."""
    sorted_paths: dict[Owner, list[str]] = {"ours": [], "extended": [], "yours": []}
    for path in sorted(paths):
        sorted_paths[owner_of(path)].append(path)
    return sorted_paths


def fits(path: str, entry: str) -> bool:
    """Whether a path is what the map names, or in that folder."""
    return path == entry or (entry.endswith("/") and path.startswith(entry))


@cache
def entries() -> dict[str, Owner]:
    """The map, by path."""
    classes = json.loads(PLACE.read_text(encoding="utf-8"))
    return {path: cast(Owner, name) for name, paths in classes.items() for path in paths}
