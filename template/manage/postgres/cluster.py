"""One data folder: made by initdb, served by a postmaster, stopped without loss."""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from manage.postgres.accounts import (
    account_for,
    hand_over,
    make_private,
    open_no_link,
)
from manage.postgres.address import PID_FILE, Address, postmaster
from manage.postgres.errors import LocalPostgresError
from manage.postgres.programs import Programs, find_programs

SUPERUSER = "postgres"
OLDEST_VERSION = 15
PATIENCE_SECONDS = 60
SETTINGS_FILE = "local.conf"
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Cluster:
    """A PostgreSQL cluster. Its callers see to it that one process at a time starts or stops it."""

    def __init__(self, data: Path, *, durable: bool) -> None:
        self.data = data
        self._durable = durable
        self._log = data / "server.log"

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address.of(self.data)

    def run_sql(self, script: str, *, database: str = "postgres", **variables: str) -> str:
        """Run a psql script as superuser and return its rows; `:'name'` quotes a variable."""
        assignments = [f"--set={name}={value}" for name, value in variables.items()]
        return self._programs.run(
            *("psql", "-XqAt", "--set=ON_ERROR_STOP=1", *assignments),
            *("-U", SUPERUSER, "-d", database, *self.address.options()),
            stdin=script,
        )

    def start(self) -> None:
        """Have it answer: await one that is starting or stopping, else launch it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        if folder := self._socket_folder():
            make_private(folder, account_for(self.data))
        with progress(f"Starting PostgreSQL in {self.data} ..."):
            while not self._answers():
                if time.monotonic() > deadline:
                    raise LocalPostgresError(f"PostgreSQL does not answer: {self._log} says why")
                if postmaster(self.data) is None and not self.address.listens():
                    self._launch(self._programs.major_version())
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop it after disconnecting its clients; what they committed is kept."""
        if postmaster(self.data) is None:
            return
        folder = self._socket_folder()
        self._programs.run("pg_ctl", "stop", "-m", "fast", "-w", "-D", self.data)
        if folder:
            with suppress(OSError):
                folder.rmdir()

    @cached_property
    def _programs(self) -> Programs:
        return Programs(find_programs(), account_for(self.data), self.data)

    def _socket_folder(self) -> Path | None:
        """The folder of the socket if it is not the data folder."""
        folder = Path(self.address.host)
        return None if sys.platform == "win32" or folder == self.data else folder

    def _answers(self) -> bool:
        if not self.address.listens():
            return False
        try:
            self._programs.run("pg_isready", *self.address.options())
        except LocalPostgresError:
            return False
        return True

    def _launch(self, version: int) -> None:
        self._prepare(version)
        try:
            self._run_postmaster()
        except LocalPostgresError:
            if self._durable:
                raise
            self._initialize(version)  # Test data that a crash damaged is not worth a repair.
            self._run_postmaster()

    def _prepare(self, version: int) -> None:
        """Have a data folder that this version of PostgreSQL can serve."""
        if version < OLDEST_VERSION:
            raise LocalPostgresError(
                f"This PostgreSQL is {version}, the project needs {OLDEST_VERSION} or newer:"
                " run `uv sync`, set PG_BIN to a newer one, or DATABASE_URL to a running server"
            )
        marker = self.data / "PG_VERSION"
        made_by = marker.read_text().strip() if marker.exists() else None
        if made_by == str(version):
            return
        if made_by and self._durable:
            raise LocalPostgresError(
                f"{self.data} was made by PostgreSQL {made_by}, and this is {version}:"
                f" set PG_BIN to the programs of {made_by}, or delete the folder to start afresh"
            )
        self._initialize(version)

    def _initialize(self, version: int) -> None:
        """Make the data folder: whole or not at all, because a killed initdb leaves half of one."""
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        make_private(draft, account_for(self.data))
        self._programs.run("initdb", "-D", draft, *self._initdb_options(version))
        with open(draft / "postgresql.conf", "a", opener=open_no_link) as settings:
            settings.write(f"include = '{SETTINGS_FILE}'\n")
        if not self._durable:
            shutil.rmtree(self.data, ignore_errors=True)
        try:
            draft.rename(self.data)
        except OSError as error:
            raise LocalPostgresError(f"{self.data} is in the way, remove it: {error}") from error

    def _initdb_options(self, version: int) -> list[str]:
        locale = "C.UTF-8" if sys.platform == "linux" else "C"
        options = [*("-U", SUPERUSER), *("-A", "trust"), *("-E", "UTF8"), f"--locale={locale}"]
        if version >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return options if self._durable else [*options, "--no-sync"]

    def _run_postmaster(self) -> None:
        address = self.address
        for stale in (self.data / PID_FILE, address.lock_file):
            stale.unlink(missing_ok=True)  # Its process is gone or some other program.
        self._log.unlink(missing_ok=True)
        settings = self.data / SETTINGS_FILE
        with open(settings, "w", opener=open_no_link) as file:
            file.write(self._settings(address))
        hand_over(settings, account_for(self.data))
        try:
            self._programs.run("pg_ctl", "start", "-w", "-D", self.data, "-l", self._log)
        except LocalPostgresError as error:
            if not self._log.exists():
                raise
            said = self._log.read_text(errors="replace").strip().splitlines()[-3:]
            reason = "\n".join(said)
            raise LocalPostgresError(f"PostgreSQL did not start:\n{reason}") from error

    def _settings(self, address: Address) -> str:
        settings = {"timezone": "UTC", "log_timezone": "UTC", "max_connections": "200"}
        settings |= address.settings() | ({} if self._durable else NOT_DURABLE)
        lines = []
        for name, value in settings.items():
            quoted = value.replace("\\", r"\\").replace("'", "''")
            lines.append(f"{name} = '{quoted}'\n")
        return "".join(lines)


@contextmanager
def progress(message: str) -> Iterator[None]:
    """Say what is going on if it takes longer than a second."""
    timer = threading.Timer(1, print, [message], {"file": sys.stderr, "flush": True})
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
