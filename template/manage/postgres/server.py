"""The server of a data folder, shared by processes: the first starts it, the last stops it."""

import atexit
import os
import sys
from functools import cache
from pathlib import Path

from sqlalchemy import URL

from app.core.paths import PROJECT_ROOT

from manage.postgres.accounts import adopt
from manage.postgres.address import postmaster
from manage.postgres.cluster import SUPERUSER, Cluster
from manage.postgres.errors import LocalPostgresError
from manage.postgres.locks import alone, open_lock, share, try_lock

DATABASE = "app"
CREATE_DATABASE = r"""
select format('create database %I', :'name')
where not exists (select from pg_database where datname = :'name') \gexec
"""


class LocalServer:
    """A server that runs while a process uses it.

    Each process that does shares the lock on `<data>.users` until it ends, however it ends.
    Starting and stopping take turns by the lock on `<data>.lock`.
    """

    def __init__(self, data: Path, *, durable: bool) -> None:
        self._data = data.resolve()
        self._cluster = Cluster(self._data, durable=durable)
        self._turn = self._data.with_name(f"{data.name}.lock")
        self._users = self._data.with_name(f"{data.name}.users")
        self._joined: tuple[int, int] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it runs, for whatever process."""
        return postmaster(self._data) is not None

    def start(self) -> None:
        """Use the server from now on; start it unless it runs."""
        if self._has_joined() and self._cluster.address.listens():
            return
        self._make_place()
        with alone(self._turn):
            self._join()
            self._cluster.start()

    def release(self) -> None:
        """Stop using the server, and stop it if no other process uses it."""
        if self._joined is None or not self._has_joined():
            return
        _, users = self._joined
        self._joined = None
        try:
            self._leave(users)
        except FileNotFoundError:
            pass  # Its folder was deleted: PostgreSQL notices within a minute and ends.
        except (LocalPostgresError, OSError) as error:
            print(f"The local PostgreSQL could not be stopped: {error}", file=sys.stderr)

    def stop(self) -> bool:
        """Stop a server that a killed process left behind; False while another process uses it."""
        return not self._users.exists() or self._leave(open_lock(self._users))

    def ensure_database(self, name: str) -> None:
        """Create a database of the running server unless it exists."""
        with alone(self._turn):
            self.run_sql(CREATE_DATABASE, name=name)

    def run_sql(self, script: str, *, database: str = "postgres", **variables: str) -> str:
        """Run a psql script as superuser and return its rows; `:'name'` quotes a variable."""
        return self._cluster.run_sql(script, database=database, **variables)

    def database_url(self, drivername: str, database: str = DATABASE) -> URL:
        """Where a driver finds a database, which is there and served when this returns."""
        self.start()
        self.ensure_database(database)
        return self._cluster.address.url(drivername, SUPERUSER, database)

    def _make_place(self) -> None:
        """Make the folder and the lock files, for the project's owner and not for `nobody`."""
        if self._data.exists() and not os.access(self._data, os.R_OK | os.W_OK | os.X_OK):
            raise LocalPostgresError(
                f"{self._data} belongs to another user: work as that one, or as root, or delete it"
            )
        self._turn.parent.mkdir(exist_ok=True)
        for lock in (self._turn, self._users):
            os.close(open_lock(lock))
        for path in (self._turn.parent, self._turn, self._users):
            adopt(path)

    def _has_joined(self) -> bool:
        """Whether this process has joined, and not only the one that it was forked from."""
        return self._joined is not None and self._joined[0] == os.getpid()

    def _join(self) -> None:
        if not self._has_joined():
            users = open_lock(self._users)
            share(users)
            self._joined = (os.getpid(), users)
            atexit.register(self.release)

    def _leave(self, users: int) -> bool:
        """Give up a share in the server; stop it if that was the last."""
        try:
            with alone(self._turn):
                was_last = try_lock(users)
                if was_last:
                    self._cluster.stop()
            return was_last
        finally:
            os.close(users)


@cache
def local_server(*, durable: bool = True) -> LocalServer:
    """The project's server for development or, not durable but faster, the one for tests."""
    folder = "data" if durable else "test"
    return LocalServer(PROJECT_ROOT / ".postgres" / folder, durable=durable)
