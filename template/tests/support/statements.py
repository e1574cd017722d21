"""Counts what a request sends to the database."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from unittest.mock import patch

from sqlalchemy import Engine, event
from sqlalchemy.pool import PoolProxiedConnection

from app.core.sql import reads
from app.core.sql.prepared import DriverStatement, Row, run_prepared

# What the tests' outer transaction and the kernel's own bookkeeping send.
BOOKKEEPING = ("SAVEPOINT", "RELEASE", "ROLLBACK", "select set_config")

# What authenticating a request costs.
AUTHENTICATION = "SELECT"


class Statements:
    """The statements of all engines since the last `clear()`."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Record until the end of the block."""
        event.listen(Engine, "before_cursor_execute", self._record)
        try:
            with patch.object(reads, "run_prepared", self._run_prepared):
                yield self
        finally:
            event.remove(Engine, "before_cursor_execute", self._record)

    def clear(self) -> None:
        """Forget what was sent so far."""
        self.sent.clear()

    def verbs(self) -> list[str]:
        """`SELECT`, `INSERT` … in the order sent."""
        return [statement.split(maxsplit=1)[0] for statement in self.sent]

    def _record(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(BOOKKEEPING):
            self.sent.append(statement)

    def _run_prepared(
        self,
        connection: PoolProxiedConnection,
        statement: DriverStatement,
        parameters: Mapping[str, Any],
    ) -> list[Row]:
        self.sent.append(statement.text)
        return run_prepared(connection, statement, parameters)
