"""Password hashes in tests: made with little work, and counted, as each takes as long."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from unittest.mock import patch

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.core.security import passwords

COSTLY = passwords._passwords
CHEAP = PasswordHash([Argon2Hasher(memory_cost=8, time_cost=1, parallelism=1)])


@contextmanager
def use_hasher(hasher: PasswordHash) -> Iterator[None]:
    """Have the application hash so until the end of the block."""
    passwords._get_dummy_hash.cache_clear()
    with patch.object(passwords, "_passwords", hasher):
        yield
    passwords._get_dummy_hash.cache_clear()


class Hashes:
    """The hashes and verifications since the last `clear()`."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def counting(self) -> Iterator[Self]:
        """Count until the end of the block."""
        counted = {name: self._counted(getattr(PasswordHash, name)) for name in ("hash", "verify")}
        with patch.multiple(PasswordHash, **counted):
            yield self

    def clear(self) -> None:
        """Forget what was counted so far."""
        self.count = 0

    def _counted(self, original: Any) -> Any:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            return original(*arguments, **options)

        return counted
