"""The ownership map of the working tree."""

from releasing.releases import REPOSITORY
from tests.support.releases import classes

CLASSES = classes(REPOSITORY)
PATHS = [path for paths in CLASSES.values() for path in paths]


def entry_of(path: str) -> str | None:
    """Return the most specific entry of the map that covers a path."""
    fitting = [one for one in PATHS if path == one or (one[-1] == "/" and path.startswith(one))]
    return max(fitting, key=len, default=None)
