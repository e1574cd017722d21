"""A PostgreSQL cluster: create, start and stop the server of one data directory."""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from manage.postgres import accounts, locks
from manage.postgres.address import PID_FILE, Address, find_server_pid
from manage.postgres.errors import LocalPostgresError
from manage.postgres.programs import Programs, find_programs

SUPERUSER = "postgres"
MIN_MAJOR_VERSION = 15
START_TIMEOUT_SECONDS = 60
LOCK_WAIT_SECONDS = 5  # The processes of a killed server end within this time.
SETTINGS_FILE = "local.conf"
NON_DURABLE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Cluster:
    """A PostgreSQL cluster; callers ensure that one process at a time starts or stops it."""

    def __init__(self, data: Path, *, durable: bool) -> None:
        self.data = data
        self.lock_path = data.with_name(f"{data.name}.server")
        self._durable = durable
        self._log = data / "server.log"

    @property
    def address(self) -> Address:
        """The address of the server."""
        return Address.from_data_folder(self.data)

    def run_sql(self, script: str, *, database: str = "postgres", **variables: str) -> str:
        """Run a psql script as superuser and return its rows; `:'name'` quotes a variable."""
        assignments = [f"--set={name}={value}" for name, value in variables.items()]
        return self._programs.run(
            *("psql", "-XqAt", "--set=ON_ERROR_STOP=1", *assignments),
            *("-U", SUPERUSER, "-d", database, *self.address.build_client_options()),
            stdin=script,
        )

    def start(self) -> None:
        """Start the server unless it is running, and wait until it is ready.

        Raises LocalPostgresError after START_TIMEOUT_SECONDS.
        """
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        if folder := self._find_separate_socket_folder():
            accounts.ensure_private_folder(folder, accounts.find_server_account(self.data))
        with print_if_slow(f"Starting PostgreSQL in {self.data} ..."):
            while not self._is_ready():
                if time.monotonic() > deadline:
                    raise LocalPostgresError(f"PostgreSQL did not start in time: see {self._log}")
                # Wait for a server that is starting or stopping.
                if find_server_pid(self.data) is None and not self.address.is_listening():
                    self._launch(self._programs.read_major_version())
                time.sleep(0.02)

    def stop(self) -> None:
        """Disconnect the clients and stop the server; committed data is kept."""
        if find_server_pid(self.data) is None:
            return
        folder = self._find_separate_socket_folder()
        self._programs.run("pg_ctl", "stop", "-m", "fast", "-w", "-D", self.data)
        if folder:
            with suppress(OSError):
                folder.rmdir()

    @cached_property
    def _programs(self) -> Programs:
        return Programs(find_programs(), accounts.find_server_account(self.data), self.data)

    def _find_separate_socket_folder(self) -> Path | None:
        """Return the socket's folder, or None if it is the data folder."""
        folder = Path(self.address.host)
        return None if sys.platform == "win32" or folder == self.data else folder

    def _is_ready(self) -> bool:
        if not self.address.is_listening():
            return False
        try:
            self._programs.run("pg_isready", *self.address.build_client_options())
        except LocalPostgresError:
            return False
        return True

    def _launch(self, version: int) -> None:
        try:
            with locks.hold_exclusive(self.lock_path, max_wait_seconds=LOCK_WAIT_SECONDS) as file:
                self._launch_locked(version, file)
        except TimeoutError:
            raise LocalPostgresError(
                f"Another PostgreSQL server, in a container or on its host, uses {self.data}: stop"
                " it there"
            ) from None

    def _launch_locked(self, version: int, lock: int) -> None:
        """Launch the server, which inherits the lock: process IDs differ between containers."""
        self._ensure_data_folder(version)
        try:
            self._run_server(lock)
        except LocalPostgresError:
            if self._durable:
                raise
            self._initialize(version)  # Test data damaged by a crash is created again.
            self._run_server(lock)

    def _ensure_data_folder(self, version: int) -> None:
        """Initialize the data folder unless this version of PostgreSQL can use it."""
        if version < MIN_MAJOR_VERSION:
            raise LocalPostgresError(
                f"PostgreSQL {version} is too old ({MIN_MAJOR_VERSION} or newer is required): run"
                " `uv sync`, set PG_BIN to newer programs, or set DATABASE_URL to a running server"
            )
        version_file = self.data / "PG_VERSION"
        data_version = version_file.read_text().strip() if version_file.exists() else None
        if data_version == str(version):
            return
        if data_version and self._durable:
            raise LocalPostgresError(
                f"{self.data} was created by PostgreSQL {data_version}, but this is {version}: set"
                f" PG_BIN to the programs of {data_version}, or delete the folder and its data"
            )
        self._initialize(version)

    def _initialize(self, version: int) -> None:
        """Create the data folder under another name first: a killed initdb leaves it incomplete."""
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        accounts.ensure_private_folder(draft, accounts.find_server_account(self.data))
        self._programs.run("initdb", "-D", draft, *self._build_initdb_options(version))
        with open(draft / "postgresql.conf", "a", opener=accounts.open_nofollow) as settings:
            settings.write(f"include = '{SETTINGS_FILE}'\n")
        if not self._durable:
            shutil.rmtree(self.data, ignore_errors=True)
        try:
            draft.rename(self.data)
        except OSError as error:
            raise LocalPostgresError(
                f"The data folder {self.data} cannot be created: remove the existing one ({error})"
            ) from error

    def _build_initdb_options(self, version: int) -> list[str]:
        locale = "C.UTF-8" if sys.platform == "linux" else "C"
        options = [*("-U", SUPERUSER), *("-A", "trust"), *("-E", "UTF8"), f"--locale={locale}"]
        if version >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return options if self._durable else [*options, "--no-sync"]

    def _run_server(self, lock: int) -> None:
        address = self.address
        for stale_file in (self.data / PID_FILE, address.lock_file):
            stale_file.unlink(missing_ok=True)  # Another process may have the old server's pid.
        self._log.unlink(missing_ok=True)
        settings = self.data / SETTINGS_FILE
        with open(settings, "w", opener=accounts.open_nofollow) as file:
            file.write(self._render_settings(address))
        accounts.chown_to_account(settings, accounts.find_server_account(self.data))
        try:
            command = ("pg_ctl", "start", "-w", "-D", self.data, "-l", self._log)
            self._programs.run(*command, inherited=[] if sys.platform == "win32" else [lock])
        except LocalPostgresError as error:
            if not self._log.exists():
                raise
            log = "\n".join(self._log.read_text(errors="replace").strip().splitlines()[-3:])
            raise LocalPostgresError(f"PostgreSQL did not start:\n{log}") from error

    def _render_settings(self, address: Address) -> str:
        settings = {"timezone": "UTC", "log_timezone": "UTC", "max_connections": "200"}
        settings |= address.build_server_settings()
        settings |= {} if self._durable else NON_DURABLE_SETTINGS
        lines = []
        for name, value in settings.items():
            quoted = value.replace("\\", r"\\").replace("'", "''")
            lines.append(f"{name} = '{quoted}'\n")
        return "".join(lines)


@contextmanager
def print_if_slow(message: str) -> Iterator[None]:
    """Print a message to standard error if the block takes longer than a second."""
    timer = threading.Timer(1, print, [message], {"file": sys.stderr, "flush": True})
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
