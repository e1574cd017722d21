"""Shared and exclusive file locks, which the system releases when a process ends."""

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    # Windows locks byte ranges exclusively. A shared lock is one byte, chosen by process id; an
    # exclusive lock is all bytes.
    LOCKED_BYTES = 2**30

    def lock_shared(file: int) -> None:
        """Take a shared lock."""
        os.lseek(file, os.getpid() % LOCKED_BYTES, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def try_lock_exclusive(file: int) -> bool:
        """Take an exclusive lock; return False if another process holds a lock."""
        os.lseek(file, 0, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, LOCKED_BYTES)
        except OSError:
            return False
        return True

else:
    import fcntl

    def lock_shared(file: int) -> None:
        """Take a shared lock."""
        fcntl.flock(file, fcntl.LOCK_SH)

    def try_lock_exclusive(file: int) -> bool:
        """Take an exclusive lock; return False if another process holds a lock."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def open_lock_file(path: Path) -> int:
    """Open a lock file read-only, so that any user can lock it."""
    return os.open(path, os.O_RDONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)


@contextmanager
def hold_exclusive(path: Path, *, max_wait_seconds: float = math.inf) -> Iterator[int]:
    """Hold an exclusive lock on a file inside the block; raise TimeoutError if it stays locked."""
    deadline = time.monotonic() + max_wait_seconds
    file = open_lock_file(path)
    try:
        while not try_lock_exclusive(file):
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.02)
        yield file
    finally:
        os.close(file)
