"""The versions by which migrations are sorted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

STAMP = "%Y%m%d%H%M%S"
FIRST = "0001"


def next_version(folder: Path) -> str:
    """A version behind all that are there: the first of a project, else this second."""
    taken = sorted(path.stem.partition("_")[0] for path in folder.glob("[0-9]*_*"))
    if not taken:
        return FIRST
    now = datetime.now(UTC)
    if len(taken[-1]) == len(now.strftime(STAMP)) and taken[-1] >= now.strftime(STAMP):
        now = datetime.strptime(taken[-1], STAMP).replace(tzinfo=UTC) + timedelta(seconds=1)
    return now.strftime(STAMP)
