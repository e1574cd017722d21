"""The account that runs the server if root starts it, because PostgreSQL refuses to run as root."""

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from manage.postgres.errors import LocalPostgresError


@dataclass(frozen=True)
class ServerAccount:
    """A system account that runs the server instead of root."""

    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Return True if the folder's permissions allow this account to enter it."""
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        return bool(status.st_mode & (0o010 if status.st_gid == self.gid else 0o001))


def find_server_account(data: Path) -> ServerAccount | None:
    """Return the owner of the data or of the project, or `nobody`; None unless run by root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd  # Windows has no such module.

    if data.exists() and data.stat().st_uid:
        return ServerAccount(data.stat().st_uid, data.stat().st_gid)
    users = {user.pw_uid: user for user in pwd.getpwall() if user.pw_uid}
    user = users.get(data.parents[1].stat().st_uid) or pwd.getpwnam("nobody")
    return ServerAccount(user.pw_uid, user.pw_gid)


def chown_to_account(path: Path, account: ServerAccount | None) -> None:
    """Give a file that root created to the server's account."""
    if account and sys.platform != "win32":
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def chown_to_folder_owner(path: Path) -> None:
    """Give a file that root created to the owner of its folder."""
    if sys.platform != "win32" and os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def open_nofollow(path: str | Path, flags: int) -> int:
    """Open a file; reject symbolic links, which the account could point at a file of root."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def ensure_private_folder(folder: Path, account: ServerAccount | None) -> None:
    """Create a folder for the server's account alone; reject an existing folder open to others."""
    if not folder.exists():
        folder.mkdir(mode=0o700)
        chown_to_account(folder, account)
    if sys.platform == "win32":
        return
    status = folder.lstat()
    owner = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner or status.st_mode & 0o077:
        raise LocalPostgresError(
            f"{folder} is accessible to other users: remove it, or move the project to a shorter"
            " path"
        )
