"""Locks on files that processes share or hold alone; the system drops them when a process ends."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes and shares none: each process locks one of its own, and is alone when it
    # can lock them all.
    BYTES = 2**30

    def share(file: int) -> None:
        """Join the processes that hold this file."""
        os.lseek(file, os.getpid() % BYTES, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def try_lock(file: int) -> bool:
        """Hold the file alone, unless another process holds it."""
        os.lseek(file, 0, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, BYTES)
        except OSError:
            return False
        return True

else:
    import fcntl

    def share(file: int) -> None:
        """Join the processes that hold this file."""
        fcntl.flock(file, fcntl.LOCK_SH)

    def try_lock(file: int) -> bool:
        """Hold the file alone, unless another process holds it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def open_lock(path: Path) -> int:
    """A descriptor to lock; reading suffices, so that root and the project's owner can share it."""
    return os.open(path, os.O_RDONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the file alone, after whoever holds it now."""
    file = open_lock(path)
    try:
        while not try_lock(file):
            time.sleep(0.02)
        yield
    finally:
        os.close(file)
