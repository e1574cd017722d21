"""Where changes may be made: to plain files of the project, which are as they were read."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from manage.errors import CommandError
from manage.scaffolding.disk import read_content


def refuse_clashes(paths: Iterable[Path]) -> None:
    """Refuse paths that are one file on some system, or a file and its folder."""
    known: dict[str, Path] = {}
    for path in paths:
        if (other := known.setdefault(path.as_posix().casefold(), path)) is not path:
            raise CommandError(f"{path.as_posix()} and {other.as_posix()} are the same file")
    for path in known.values():
        for parent in path.parents:
            if parent.as_posix().casefold() in known:
                raise CommandError(f"{parent.as_posix()} would be both a file and a folder")


def locate(root: Path, path: Path) -> Path:
    """The file to change, of which a link in the project may be the name."""
    name = path.as_posix()
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise CommandError(f"{name} is not a path in the project")
    refuse_lookalikes(root, path)
    target = (root / path).resolve()
    if not target.is_relative_to(root):
        raise CommandError(f"{name} leads out of the project")
    if ".git" in target.relative_to(root).as_posix().casefold().split("/"):
        raise CommandError(f"{name} belongs to git")
    if (root / path).is_symlink() and not target.exists():
        raise CommandError(f"{name} is a link to nothing")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise CommandError(f"{name} is not a file")
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            raise CommandError(f"{parent.relative_to(root).as_posix()} is not a folder")
    return target


def refuse_lookalikes(root: Path, path: Path) -> None:
    """Refuse a name that differs from an existing one in case only, which not all systems tell."""
    folder = root
    for part in path.parts:
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        for name in names:
            if part not in names and name.casefold() == part.casefold():
                there = (folder / name).relative_to(root).as_posix()
                raise CommandError(f"{path.as_posix()} differs from {there} in case only")
        folder /= part


def refuse_edited(path: Path, target: Path, before: bytes | None) -> None:
    """Refuse a file that is not as it was when the change was made up."""
    now = read_content(target)
    if now == before:
        return
    if before is None:
        raise CommandError(f"{path.as_posix()} exists already")
    fate = "is gone" if now is None else "has changed"
    raise CommandError(f"{path.as_posix()} {fate} in the meantime; try again")


def refuse_closed(path: Path, target: Path) -> None:
    """Refuse a file in a folder where nothing may be written."""
    folder = next(parent for parent in target.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CommandError(
            f"{path.as_posix()} could not be changed (its folder may not be written to), so"
            " nothing was changed"
        )
