"""Fast password hashing for tests, and a counter of hash operations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.core.security import passwords

PRODUCTION_HASHER = passwords._passwords
FAST_HASHER = PasswordHash([Argon2Hasher(memory_cost=8, time_cost=1, parallelism=1)])


@contextmanager
def override_hasher(hasher: PasswordHash) -> Iterator[None]:
    """Replace the application's password hasher inside the block."""
    passwords._get_dummy_hash.cache_clear()
    with patch.object(passwords, "_passwords", hasher):
        yield
    passwords._get_dummy_hash.cache_clear()


class HashCounter:
    """The number of passwords hashed or verified since the last `clear()`."""

    def __init__(self) -> None:
        self.count = 0

    def clear(self) -> None:
        """Reset the count to zero."""
        self.count = 0

    def wrap(self, method: Any) -> Any:
        """Return a method that increases the count and calls `method`."""

        def count_call(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            return method(*arguments, **options)

        return count_call


@contextmanager
def count_hashes() -> Iterator[HashCounter]:
    """Count password hashes and verifications inside the block."""
    counter = HashCounter()
    wrapped = {name: counter.wrap(getattr(PasswordHash, name)) for name in ("hash", "verify")}
    with patch.multiple(PasswordHash, **wrapped):
        yield counter
