"""The lock of a project whose files change; the system drops it when its holder ends."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manage.errors import CommandError

if sys.platform == "win32":
    import hashlib
    import msvcrt
    import tempfile

    def open_lock(root: Path) -> int:
        """Windows opens no folders, so that a file elsewhere stands for it."""
        name = hashlib.sha256(str(root).lower().encode()).hexdigest()
        path = Path(tempfile.gettempdir()) / f"{name}.lock"
        return os.open(path, os.O_RDWR | os.O_CREAT)

    def try_lock(file: int) -> bool:
        """Hold it alone, unless another process does."""
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def open_lock(root: Path) -> int:
        """The folder itself, so that the lock leaves no file."""
        return os.open(root, os.O_RDONLY)

    def try_lock(file: int) -> bool:
        """Hold it alone, unless another process does."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def held(root: Path, *, patience_seconds: float = 0) -> Iterator[None]:
    """Be the only process that changes the project's files."""
    deadline = time.monotonic() + patience_seconds
    file = open_lock(root)
    try:
        while not try_lock(file):
            if time.monotonic() >= deadline:
                raise CommandError("Another command is changing this project; try again after it")
            time.sleep(0.002)
        yield
    finally:
        os.close(file)
