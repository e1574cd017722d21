"""Files as bytes, written so that they are there after a loss of power."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path


def read_content(path: Path) -> bytes | None:
    """What the file holds; None where there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_through(path: Path, content: bytes) -> None:
    """Write a file that is on the disk when this returns."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring renames in the folder to the disk, on systems that let us."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def copy_owner(path: Path, target: Path) -> None:
    """Give the file to the owner of the one that it replaces, as root can."""
    if sys.platform == "win32" or not target.exists():
        return
    status = target.stat()
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):
            os.chown(path, status.st_uid, status.st_gid)


def remove_empty(folder: Path) -> None:
    """Remove a folder that holds no more than bytecode."""
    if not folder.exists():
        return
    names = os.listdir(folder)
    cache = folder / "__pycache__"
    if names == [cache.name] and all(path.suffix == ".pyc" for path in cache.iterdir()):
        shutil.rmtree(cache)
        names = []
    if not names:
        folder.rmdir()


def reason(error: OSError, root: Path) -> str:
    """What went wrong, with the project's file that it went wrong with."""
    path = Path(os.fsdecode(error.filename2 or error.filename or root))
    is_known = path.is_relative_to(root) and path != root
    name = path.relative_to(root).as_posix() if is_known else "The change"
    return f"{name} could not be changed ({(error.strerror or str(error)).lower()})"
