"""Who owns and runs the server when root asks for it, whom PostgreSQL refuses."""

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from manage.postgres.errors import LocalPostgresError


@dataclass(frozen=True)
class Account:
    """A user that runs the server in the place of root."""

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
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def adopt(path: Path) -> None:
    """Have what root made belong to the owner of the folder that it is in."""
    if sys.platform != "win32" and os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def open_no_link(path: str | Path, flags: int) -> int:
    """Open a file of the server's user, who could link it to one of root's."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


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
