"""Files that an update deletes: those that the team edited stay, for people to decide about."""

from collections.abc import Callable, Sequence
from pathlib import Path

from manage.upgrading.conflicts import Conflict
from manage.upgrading.repository import Repository

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
