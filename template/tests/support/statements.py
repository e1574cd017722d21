"""A recorder of the SQL statements that a test sends to the database."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self
from unittest.mock import patch

from sqlalchemy import Engine, event
from sqlalchemy.pool import PoolProxiedConnection

from app.core.sql import reads
from app.core.sql.compiled import DriverStatement, Row, run_compiled

# Prefixes of statements that the tests' outer transaction and the kernel's session setup send.
IGNORED_PREFIXES = ("SAVEPOINT", "RELEASE", "ROLLBACK", "select set_config", "SET LOCAL")

# The verb of the statement that authenticates a request.
AUTHENTICATION = "SELECT"

LOCKED_TABLE = re.compile(
    r"(?:UPDATE|DELETE FROM|INSERT INTO) (\w+)|SELECT .*?FROM (\w+).* FOR ", re.DOTALL
)


class StatementRecorder:
    """The statements sent by all engines since the last `clear()`."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    @contextmanager
    def record(self) -> Iterator[Self]:
        """Record statements inside the block."""
        event.listen(Engine, "before_cursor_execute", self._record_execute)
        try:
            # Compiled SELECTs run on the driver's connection, bypassing SQLAlchemy's events.
            with patch.object(reads, "run_compiled", self._run_compiled):
                yield self
        finally:
            event.remove(Engine, "before_cursor_execute", self._record_execute)

    def clear(self) -> None:
        """Discard the recorded statements."""
        self.statements.clear()

    def verbs(self) -> list[str]:
        """Return the first word of each statement (`SELECT`, `INSERT` …), in the order sent."""
        return [statement.split(maxsplit=1)[0] for statement in self.statements]

    def find_early_lock(self, owner: str, *owned: str) -> str | None:
        """Return a statement that locks rows of an owned table before those of its owner."""
        for statement in self.statements:
            table = get_locked_table(statement)
            if table == owner:
                return None
            if table in owned:
                return statement
        return None

    def _record_execute(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(IGNORED_PREFIXES):
            self.statements.append(statement)

    def _run_compiled(
        self,
        connection: PoolProxiedConnection,
        statement: DriverStatement,
        parameters: Mapping[str, Any],
    ) -> list[Row]:
        self.statements.append(statement.text)
        return run_compiled(connection, statement, parameters)


def get_locked_table(statement: str) -> str | None:
    """Return the table whose rows a statement locks, or None."""
    match = LOCKED_TABLE.match(statement)
    return (match[1] or match[2]) if match else None
