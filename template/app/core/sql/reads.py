"""Execution of reads: each statement on a pooled connection in AUTOCOMMIT."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Result, Select, UpdateBase, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection

from app.core.sql.compiled import (
    CompiledSelect,
    DriverStatement,
    Rewrite,
    Row,
    is_closed,
    run_compiled,
)
from app.core.sql.recovery import is_outdated_plan
from app.core.sql.response_timeout import is_timeout

Parameters = Mapping[str, Any]
Execute = Callable[[Executable, Parameters], list[Row]]

SET_READ_ONLY = text("SET LOCAL transaction_read_only = on")


class ReadPool:
    """Provides the connections for reads."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Connection]],
        check_out: Callable[[], AbstractContextManager[PoolProxiedConnection]],
    ) -> None:
        self.connect = connect
        self.check_out = check_out

    @classmethod
    def from_engine(cls, engine: Engine) -> "ReadPool":
        """Use an engine's pool; each statement checks out a connection."""
        return cls(engine.connect, lambda: closing(engine.raw_connection()))

    @classmethod
    def from_connection(cls, connection: Connection) -> "ReadPool":
        """Use one connection, which stays open; for tests.

        Each read has a read-only savepoint, so that an error does not end the transaction.
        """

        @contextmanager
        def connect() -> Iterator[Connection]:
            with connection.begin_nested():
                connection.execute(SET_READ_ONLY)
                yield connection

        @contextmanager
        def check_out() -> Iterator[PoolProxiedConnection]:
            with connection.begin_nested():
                yield connection.connection

        return cls(connect, check_out)


class Reader:
    """Runs statements, and retries a statement whose pooled connection was closed.

    The retry is safe because reads have no side effects.
    """

    def __init__(self, pool: ReadPool, rewrite: Rewrite | None = None) -> None:
        self._pool = pool
        self._rewrite = rewrite

    def fetch(self, statement: Executable | CompiledSelect, parameters: Parameters) -> list[Row]:
        """Run one statement and return its rows."""
        if isinstance(statement, UpdateBase):
            raise TypeError("A read session cannot write: use SessionDep or Database.transaction()")
        if not isinstance(statement, CompiledSelect):
            return self._retry(self._execute, statement, parameters)
        compiled = statement.compile(self._rewrite)
        if compiled is not None:
            rows = self._run_on_driver(compiled, parameters)
            if rows is not None:
                return rows
        rewritten = self._rewrite(statement.statement) if self._rewrite else statement.statement
        return self._retry(self._execute_compiled, rewritten, parameters)

    def _run_on_driver(
        self, statement: DriverStatement, parameters: Parameters
    ) -> list[Row] | None:
        """Return the rows, or None if the connection was closed or its plan is outdated."""
        with self._pool.check_out() as connection:
            try:
                return run_compiled(connection, statement, parameters)
            except Exception as error:
                if is_timeout(error):
                    connection.invalidate(error)
                    raise
                if not is_closed(connection) and not is_outdated_plan(error):
                    raise
                connection.invalidate(error)
                return None
            except BaseException as error:
                # Cancelled or interrupted while the result was being read: the connection cannot
                # be reused.
                connection.invalidate(error)
                raise

    def _retry(self, execute: Execute, statement: Executable, parameters: Parameters) -> list[Row]:
        try:
            return execute(statement, parameters)
        except DBAPIError as error:
            if not error.connection_invalidated or is_timeout(error.orig):
                raise
            return execute(statement, parameters)

    def _execute_compiled(self, statement: Executable, parameters: Parameters) -> list[Row]:
        with self._pool.connect() as connection:
            return to_dicts(connection.execute(statement, parameters))

    def _execute(self, statement: Executable, parameters: Parameters) -> list[Row]:
        with self._pool.connect() as connection:
            if isinstance(statement, Select):
                return execute_in_session(connection, statement, parameters)
            with begin_read_only(connection):
                return execute_in_session(connection, statement, parameters)


def begin_read_only(connection: Connection) -> AbstractContextManager[object]:
    """Begin a read-only transaction on an AUTOCOMMIT connection, unless a test has begun one.

    With PgBouncer, AUTOCOMMIT itself is not read-only.
    """
    if connection.in_transaction():
        return nullcontext()
    options = {"isolation_level": "READ COMMITTED", "postgresql_readonly": True}
    return connection.execution_options(**options).begin()


def execute_in_session(
    connection: Connection, statement: Executable, parameters: Parameters
) -> list[Row]:
    """Run a statement as a session for writes does: with the same names, and loader options."""
    with Session(connection) as session:
        return to_dicts(session.execute(statement, parameters))


def to_dicts(result: Result[Any]) -> list[Row]:
    """Return a result's rows as dictionaries; raise TypeError if two columns have one name."""
    names = tuple(result.keys())
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise TypeError(f"Several columns are called {twice!r}: add labels with other names")
    return [dict(zip(names, row, strict=True)) for row in result]
