"""Where a local server listens, and which process it is."""

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
LONGEST_SOCKET_PATH = 103
PID_FILE = "postmaster.pid"


@dataclass(frozen=True)
class Address:
    """A folder with a Unix socket; on Windows a port of this machine."""

    host: str
    port: int

    @classmethod
    def of(cls, data: Path) -> "Address":
        """Where the server of this data folder listens or, if it does not run, will listen."""
        running = pid_file(data)
        if sys.platform == "win32":
            return cls("127.0.0.1", int(running[3]) if running[3:] else free_port())
        folder = socket_folder(data)
        if running[4:] and running[1] == str(data) and Path(running[4]).name == folder.name:
            return cls(running[4], int(running[3]))
        return cls(str(folder), PORT)

    @property
    def lock_file(self) -> Path:
        """The file by which a server claims its socket."""
        return Path(self.host, f".s.PGSQL.{self.port}.lock")

    def listens(self) -> bool:
        """Whether anything accepts connections here."""
        try:
            if sys.platform == "win32":
                socket.create_connection((self.host, self.port), timeout=1).close()
            else:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(f"{self.host}/.s.PGSQL.{self.port}")
        except OSError:
            return False
        return True

    def options(self) -> tuple[str, ...]:
        """How PostgreSQL's own clients are told."""
        return ("-h", self.host, "-p", str(self.port))

    def settings(self) -> dict[str, str]:
        """How the server is told."""
        if sys.platform == "win32":
            return {"listen_addresses": self.host, "port": str(self.port)}
        quoted = self.host.replace('"', '""')
        return {
            "listen_addresses": "",
            "port": str(self.port),
            "unix_socket_directories": f'"{quoted}"',
        }

    def url(self, drivername: str, username: str, database: str) -> URL:
        """How a driver is told."""
        query = {"host": self.host, "port": str(self.port)}
        return URL.create(drivername, username, database=database, query=query)


def socket_folder(data: Path) -> Path:
    """The data folder, or a short one if the path of a socket there would not do."""
    if suits(data):
        return data
    name = f"postgres-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir()) / name
    return folder if suits(folder) else Path("/tmp") / name  # noqa: S108 (made private before use)


def suits(folder: Path) -> bool:
    """Whether a socket here has a path that systems allow and drivers take for one host."""
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(path) <= LONGEST_SOCKET_PATH and b"," not in path


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def pid_file(data: Path) -> list[str]:
    """What a running or killed server wrote: process, data, start, port, socket folder."""
    try:
        return (data / PID_FILE).read_text().splitlines()
    except FileNotFoundError:
        return []


def postmaster(data: Path) -> int | None:
    """The server's process; None if the one in its file is gone, or is some other program."""
    lines = pid_file(data)
    if not lines or not lines[0].strip().isdigit():
        return None
    process = int(lines[0])
    return process if serves(process, data) else None


def serves(process: int, data: Path) -> bool:
    """Whether a process is the server of that data, as far as the system tells."""
    if sys.platform == "win32":
        return "postgres.exe" in output_of("tasklist", "/FI", f"PID eq {process}", "/NH")
    if sys.platform != "linux":
        return f"-D {data}" in output_of("ps", "-p", str(process), "-o", "command=")
    try:
        return Path(f"/proc/{process}/cwd").samefile(data)
    except PermissionError:  # Root in a container may not look there.
        return os.fsencode(data) in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def output_of(*command: str) -> str:
    """What a command of the system prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 (fixed commands)
