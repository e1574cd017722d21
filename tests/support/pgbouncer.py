"""PgBouncer in transaction mode with two server connections and default settings."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.projects import free_port
from tests.support.requirements import require_program

PATIENCE_SECONDS = 10
CONFIGURATION = """
[databases]
app = host='{socket}' port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 2
"""
USERS = '"app_user" ""\n"postgres" ""\n'


@contextmanager
def start_pgbouncer(socket_folder: Path) -> Iterator[str]:
    """Yield the address of a pooler for the PostgreSQL whose socket is in a folder."""
    program, port = require_program("pgbouncer"), free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        configuration = CONFIGURATION.format(socket=socket_folder, folder=folder, port=port)
        (folder / "pgbouncer.ini").write_text(configuration)
        (folder / "users.txt").write_text(USERS)
        account = postgres_account(folder, socket_folder)
        command = [program, "--quiet", str(folder / "pgbouncer.ini")]
        with (folder / "pgbouncer.log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **account)
        try:
            wait_until_it_listens(process, port, folder / "pgbouncer.log")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def postgres_account(folder: Path, socket_folder: Path) -> dict[str, Any]:
    """Return PostgreSQL's user for tests run by root, whom PgBouncer rejects."""
    if os.geteuid() != 0:
        return {}
    owner = socket_folder.stat()
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner.st_uid, owner.st_gid)
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"does not listen after {PATIENCE_SECONDS} s\n{log.read_text()}")
