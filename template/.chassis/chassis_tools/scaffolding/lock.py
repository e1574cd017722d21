"""The lock on a project's files.

The recovery process imports this module without site-packages: use the standard library only.
"""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manage.errors import CommandError


@contextmanager
def lock_project(root: Path, *, timeout_seconds: float = 0) -> Iterator[None]:
    """Hold the lock on the project's files; raise CommandError if another process holds it."""
    deadline = time.monotonic() + timeout_seconds
    file = open_lock(root)
    try:
        while not try_lock(file):
            if time.monotonic() >= deadline:
                raise CommandError(
                    "Another command is changing this project; run this command again later"
                )
            time.sleep(0.002)
        yield
    finally:
        os.close(file)


if sys.platform == "win32":
    import msvcrt
    import tempfile

    def open_lock(root: Path) -> int:
        """Open a lock file outside the project, because Windows cannot open folders."""
        name = hashlib.sha256(str(root).lower().encode()).hexdigest()
        path = Path(tempfile.gettempdir()) / f"{name}.lock"
        return os.open(path, os.O_RDWR | os.O_CREAT)

    def try_lock(file: int) -> bool:
        """Acquire the lock; return False if another process holds it."""
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def open_lock(root: Path) -> int:
        """Open the project's folder as the lock, which needs no lock file."""
        return os.open(root, os.O_RDONLY)

    def try_lock(file: int) -> bool:
        """Acquire the lock; return False if another process holds it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
