"""Durable writes of project files, and checks of their paths and contents.

The recovery process imports this module without site-packages: use the standard library only.
"""

import os
import shutil
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from manage.errors import CommandError


def read_content(path: Path) -> bytes | None:
    """Return the content of a file, or None if there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_and_sync(path: Path, content: bytes) -> None:
    """Write a file and flush it to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the folder's entries to the disk, if the system supports it."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def copy_owner(path: Path, target: Path) -> None:
    """Give a file the owner of the file that it replaces, if the system allows it."""
    if sys.platform == "win32" or not target.exists():
        return
    status = target.stat()
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):
            os.chown(path, status.st_uid, status.st_gid)


def remove_empty_folder(folder: Path) -> None:
    """Remove a folder that is empty or contains only bytecode."""
    if not folder.exists():
        return
    names = os.listdir(folder)
    cache = folder / "__pycache__"
    if names == [cache.name] and all(path.suffix == ".pyc" for path in cache.iterdir()):
        shutil.rmtree(cache)
        names = []
    if not names:
        folder.rmdir()


def describe_error(error: OSError, root: Path) -> str:
    """Describe a failed change in a clause that names the project's file."""
    path = Path(os.fsdecode(error.filename2 or error.filename or root))
    is_in_project = path.is_relative_to(root) and path != root
    name = path.relative_to(root).as_posix() if is_in_project else "The change"
    return f"{name} could not be changed ({(error.strerror or str(error)).lower()})"


def reject_conflicting_paths(paths: Iterable[Path]) -> None:
    """Reject paths that are the same file on some systems, or both a file and a folder."""
    seen: dict[str, Path] = {}
    for path in paths:
        if (other := seen.setdefault(path.as_posix().casefold(), path)) is not path:
            raise CommandError(
                f"{path.as_posix()} and {other.as_posix()} are the same file on some systems"
            )
    for path in seen.values():
        for parent in path.parents:
            if parent.as_posix().casefold() in seen:
                raise CommandError(f"{parent.as_posix()} would be both a file and a folder")


def resolve_path(root: Path, path: Path) -> Path:
    """Resolve the links in a path; reject paths outside the project and non-regular files."""
    name = path.as_posix()
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise CommandError(f"{name} is not a path in the project")
    reject_case_conflicts(root, path)
    target = (root / path).resolve()
    if not target.is_relative_to(root):
        raise CommandError(f"{name} is outside the project")
    if ".git" in target.relative_to(root).as_posix().casefold().split("/"):
        raise CommandError(f"{name} belongs to git")
    if (root / path).is_symlink() and not target.exists():
        raise CommandError(f"{name} is a broken symbolic link: delete it")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise CommandError(f"{name} is not a file")
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            raise CommandError(f"{parent.relative_to(root).as_posix()} is not a folder")
    return target


def reject_case_conflicts(root: Path, path: Path) -> None:
    """Reject a path that differs from an existing one only in case."""
    folder = root
    for part in path.parts:
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        for name in names:
            if part not in names and name.casefold() == part.casefold():
                existing = (folder / name).relative_to(root).as_posix()
                raise CommandError(
                    f"{path.as_posix()} differs from {existing} only in case: rename one of them"
                )
        folder /= part


def reject_changed_content(path: Path, target: Path, before: bytes | None) -> None:
    """Reject a file whose content differs from the expected content."""
    current = read_content(target)
    if current == before:
        return
    if before is None:
        raise CommandError(f"{path.as_posix()} already exists")
    action = "deleted" if current is None else "edited"
    raise CommandError(
        f"{path.as_posix()} was {action} while the change was planned; run the command again"
    )


def reject_unwritable(path: Path, target: Path) -> None:
    """Reject a file in a folder without write permission."""
    folder = next(parent for parent in target.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CommandError(
            f"{path.as_posix()} could not be changed (no write permission in its folder), so"
            " nothing was changed"
        )
