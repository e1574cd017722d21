"""Counts the password hashes that a request costs: one takes as long as another."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from unittest.mock import patch

from pwdlib import PasswordHash


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
