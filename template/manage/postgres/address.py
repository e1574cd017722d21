"""The address of a local server, and the process that listens there."""

import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

PORT = 5432
MAX_SOCKET_PATH_BYTES = 103  # 104 on macOS, including the final NUL; 108 on Linux
PID_FILE = "postmaster.pid"


@dataclass(frozen=True)
class Address:
    """A folder with a Unix socket or, on Windows, a local TCP port."""

    host: str
    port: int

    @classmethod
    def from_data_folder(cls, data: Path) -> "Address":
        """Return the address of the running server, or choose one for the next start."""
        pid_lines = read_pid_file(data)
        if sys.platform == "win32":
            return cls("127.0.0.1", int(pid_lines[3]) if pid_lines[3:] else find_free_port())
        folder = choose_socket_folder(data)
        # A copied or edited file must not lead to another server's socket.
        if pid_lines[4:] and pid_lines[1] == str(data) and Path(pid_lines[4]).name == folder.name:
            return cls(pid_lines[4], int(pid_lines[3]))
        return cls(str(folder), PORT)

    @property
    def lock_file(self) -> Path:
        """The file with which PostgreSQL reserves its socket."""
        return Path(self.host, f".s.PGSQL.{self.port}.lock")

    def is_listening(self) -> bool:
        """Return True if a process listens at this address, even if it is not ready for queries."""
        try:
            if sys.platform == "win32":
                socket.create_connection((self.host, self.port), timeout=1).close()
            else:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(f"{self.host}/.s.PGSQL.{self.port}")
        except OSError:
            return False
        return True

    def build_client_options(self) -> tuple[str, ...]:
        """Return the command-line options of PostgreSQL's client programs."""
        return ("-h", self.host, "-p", str(self.port))

    def build_server_settings(self) -> dict[str, str]:
        """Return the settings for postgresql.conf."""
        port = str(self.port)
        if sys.platform == "win32":
            return {"listen_addresses": self.host, "port": port}
        quoted = self.host.replace('"', '""')
        return {"listen_addresses": "", "port": port, "unix_socket_directories": f'"{quoted}"'}

    def build_url(self, drivername: str, username: str, database: str) -> URL:
        """Return the URL of a database for SQLAlchemy."""
        query = {"host": self.host, "port": str(self.port)}
        return URL.create(drivername, username, database=database, query=query)


def choose_socket_folder(data: Path) -> Path:
    """Return the data folder or, if its path is unsuitable for a socket, a temporary folder."""
    if can_hold_socket(data):
        return data
    name = f"postgres-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir()) / name
    fallback = Path("/tmp")  # noqa: S108 (the folder in it is made private before use)
    return folder if can_hold_socket(folder) else fallback / name


def can_hold_socket(folder: Path) -> bool:
    """Return True if the socket's path is short enough and has no comma, which separates hosts."""
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(path) <= MAX_SOCKET_PATH_BYTES and b"," not in path


def find_free_port() -> int:
    """Return an unused TCP port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def read_pid_file(data: Path) -> list[str]:
    """Return the lines of postmaster.pid: process id, data folder, start, port, socket folder."""
    try:
        return (data / PID_FILE).read_text().splitlines()
    except FileNotFoundError:
        return []


def find_server_pid(data: Path) -> int | None:
    """Return the running server's process id; None if postmaster.pid is missing or stale."""
    lines = read_pid_file(data)
    if not lines or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    return pid if is_server_process(pid, data) else None


def is_server_process(pid: int, data: Path) -> bool:
    """Return True if a process exists and, as far as the system reveals, serves this data."""
    if sys.platform == "win32":
        return "postgres.exe" in run_system_command("tasklist", "/FI", f"PID eq {pid}", "/NH")
    if sys.platform != "linux":
        return f"-D {data}" in run_system_command("ps", "-p", str(pid), "-o", "command=")
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except PermissionError:  # Root in a container may be denied this link.
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def run_system_command(*command: str) -> str:
    """Run a command and return its standard output."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
