"""Tests that root does not trust links and addresses that the server's account may have forged."""

import os
import sys
from pathlib import Path

import pytest

from manage.postgres.accounts import open_nofollow
from manage.postgres.address import PID_FILE, Address
from manage.postgres.locks import open_lock_file

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="needs symbolic links and Unix sockets"
)


class TestSymbolicLink:
    def test_lock_file_must_not_be_a_link(self, tmp_path: Path) -> None:
        link = tmp_path / "data.lock"
        link.symlink_to(tmp_path / "target")

        with pytest.raises(OSError, match="symbolic"):
            open_lock_file(link)
        assert not (tmp_path / "target").exists()

    def test_write_does_not_follow_a_link(self, tmp_path: Path) -> None:
        target, link = tmp_path / "target", tmp_path / "local.conf"
        target.write_text("root's")
        link.symlink_to(target)

        with pytest.raises(OSError, match="symbolic"):
            open_nofollow(link, os.O_WRONLY | os.O_TRUNC)
        assert target.read_text() == "root's"


class TestAddress:
    def test_foreign_folder_in_the_pid_file_is_ignored(self, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        lines = ["1", str(tmp_path), "0", "5432", str(elsewhere)]
        (tmp_path / PID_FILE).write_text("\n".join(lines))

        assert Address.from_data_folder(tmp_path).host != str(elsewhere)
