"""A server shared by processes: the first one starts it, the last one stops it."""

import atexit
import os
import sys
from functools import cache
from pathlib import Path

from sqlalchemy import URL

from app.core.paths import PROJECT_ROOT

from manage.postgres import locks
from manage.postgres.accounts import chown_to_folder_owner
from manage.postgres.address import find_server_pid
from manage.postgres.cluster import SUPERUSER, Cluster
from manage.postgres.errors import LocalPostgresError

DATABASE = "app"
CREATE_DATABASE = r"""
select format('create database %I', :'name')
where not exists (select from pg_database where datname = :'name') \gexec
"""


class LocalServer:
    """A server that runs as long as a process uses it.

    Each process that uses the server holds a shared lock on `<data>.users`, which the system
    releases even if the process is killed. Starting and stopping require an exclusive lock on
    `<data>.lock`.
    """

    def __init__(self, data: Path, *, durable: bool) -> None:
        self._data = data.resolve()
        self._cluster = Cluster(self._data, durable=durable)
        self._lock_path = self._data.with_name(f"{data.name}.lock")
        self._users_path = self._data.with_name(f"{data.name}.users")
        # The ID of the process that took the lock, and the lock file's descriptor.
        self._users_lock: tuple[int, int] | None = None

    @property
    def is_running(self) -> bool:
        """True if the server is running, whichever process started it."""
        return find_server_pid(self._data) is not None

    def start(self) -> None:
        """Use the server until this process ends; start it if it is not running."""
        if self._holds_users_lock() and self._cluster.address.is_listening():
            return
        self._create_lock_files()
        with locks.hold_exclusive(self._lock_path):
            self._take_users_lock()
            self._cluster.start()

    def release(self) -> None:
        """Stop using the server; stop it if no other process uses it."""
        if self._users_lock is None or not self._holds_users_lock():
            return
        _, file = self._users_lock
        self._users_lock = None
        try:
            self._stop_if_unused(file)
        except FileNotFoundError:
            pass  # Its folder was deleted: PostgreSQL notices within a minute and ends.
        except (LocalPostgresError, OSError) as error:
            print(f"The local PostgreSQL could not be stopped: {error}", file=sys.stderr)

    def stop(self) -> bool:
        """Stop a server that a killed process left running; return False if a process uses it."""
        if not self._users_path.exists():
            return True
        return self._stop_if_unused(locks.open_lock_file(self._users_path))

    def ensure_database(self, name: str) -> None:
        """Create a database on the running server if it does not exist."""
        with locks.hold_exclusive(self._lock_path):
            self.run_sql(CREATE_DATABASE, name=name)

    def run_sql(self, script: str, *, database: str = "postgres", **variables: str) -> str:
        """Run a psql script as superuser and return its rows; `:'name'` quotes a variable."""
        return self._cluster.run_sql(script, database=database, **variables)

    def get_database_url(self, drivername: str, database: str = DATABASE) -> URL:
        """Start the server, create the database if it does not exist, and return its URL."""
        self.start()
        self.ensure_database(database)
        return self._cluster.address.build_url(drivername, SUPERUSER, database)

    def _create_lock_files(self) -> None:
        """Create the lock files; files that root creates belong to the owner of their folder."""
        if self._data.exists() and not os.access(self._data, os.R_OK | os.W_OK | os.X_OK):
            raise LocalPostgresError(
                f"{self._data} belongs to another user: run as that user or as root, or delete it"
            )
        self._lock_path.parent.mkdir(exist_ok=True)
        lock_files = (self._lock_path, self._users_path, self._cluster.lock_path)
        for path in lock_files:
            os.close(locks.open_lock_file(path))
        for path in (self._lock_path.parent, *lock_files):
            chown_to_folder_owner(path)

    def _holds_users_lock(self) -> bool:
        """Return True if this process took the lock itself, not the process that forked it."""
        return self._users_lock is not None and self._users_lock[0] == os.getpid()

    def _take_users_lock(self) -> None:
        if not self._holds_users_lock():
            file = locks.open_lock_file(self._users_path)
            locks.lock_shared(file)
            self._users_lock = (os.getpid(), file)
            atexit.register(self.release)

    def _stop_if_unused(self, users_file: int) -> bool:
        """Give up the users lock and stop the server if no other process holds it."""
        try:
            with locks.hold_exclusive(self._lock_path):
                is_unused = locks.try_lock_exclusive(users_file)
                if is_unused:
                    self._cluster.stop()
            return is_unused
        finally:
            os.close(users_file)


@cache
def get_local_server(*, durable: bool = True) -> LocalServer:
    """Return the server for development or, if not `durable`, the faster server for tests."""
    folder = "data" if durable else "test"
    return LocalServer(PROJECT_ROOT / ".postgres" / folder, durable=durable)
