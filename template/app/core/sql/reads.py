"""How reads run: each on a pooled connection in AUTOCOMMIT, prepared ones on the driver's own."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Result
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from app.core.sql.prepared import DriverStatement, PreparedStatement, Row, is_closed, run_prepared

Parameters = Mapping[str, Any]


class ReadPool:
    """Where the connections of reads come from."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Connection]],
        check_out: Callable[[], AbstractContextManager[PoolProxiedConnection]],
    ) -> None:
        self.connect = connect
        self.check_out = check_out

    @classmethod
    def from_engine(cls, engine: Engine) -> "ReadPool":
        """Connections of an engine, given back after each statement."""
        return cls(engine.connect, lambda: closing(engine.raw_connection()))

    @classmethod
    def from_connection(cls, connection: Connection) -> "ReadPool":
        """One connection that stays open: for tests."""
        return cls(lambda: nullcontext(connection), lambda: nullcontext(connection.connection))


class Reader:
    """Runs statements; one whose connection had gone stale is run once more."""

    def __init__(self, pool: ReadPool) -> None:
        self._pool = pool

    def fetch(self, statement: Executable | PreparedStatement, parameters: Parameters) -> list[Row]:
        """Run one statement and return its rows."""
        if not isinstance(statement, PreparedStatement):
            return self._execute(statement, parameters)
        if for_driver := statement.for_driver:
            rows = self._run_on_driver(for_driver, parameters)
            if rows is not None:
                return rows
        return self._execute(statement.statement, parameters)

    def _run_on_driver(
        self, statement: DriverStatement, parameters: Parameters
    ) -> list[Row] | None:
        """The rows, or None if the connection had gone stale."""
        with self._pool.check_out() as connection:
            try:
                return run_prepared(connection, statement, parameters)
            except Exception as error:
                if not is_closed(connection):
                    raise
                connection.invalidate(error)
                return None
            except BaseException as error:
                connection.invalidate(error)  # The request ended in the midst of an answer.
                raise

    def _execute(self, statement: Executable, parameters: Parameters) -> list[Row]:
        try:
            return self._execute_once(statement, parameters)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return self._execute_once(statement, parameters)

    def _execute_once(self, statement: Executable, parameters: Parameters) -> list[Row]:
        with self._pool.connect() as connection:
            return to_dicts(connection.execute(statement, parameters))


def to_dicts(result: Result[Any]) -> list[Row]:
    """A statement's rows by column name."""
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]
