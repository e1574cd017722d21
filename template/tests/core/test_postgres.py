"""Tests of the local PostgreSQL: its programs, forged links and addresses, a second server."""

import os
import sys
from pathlib import Path

import pytest

from app.core.paths import PROJECT_ROOT

from manage.postgres import LocalPostgresError, cluster, get_local_server, programs
from manage.postgres.accounts import open_nofollow
from manage.postgres.address import PID_FILE, Address
from manage.postgres.cluster import Cluster
from manage.postgres.locks import hold_exclusive, open_lock_file, try_lock_exclusive

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="needs symbolic links and Unix sockets"
)


class TestPrograms:
    """PostgreSQL's programs come from PG_BIN, an installed wheel, PATH or the system's folders."""

    @pytest.fixture(autouse=True)
    def nothing_installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PG_BIN", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
        monkeypatch.setattr(programs, "WHEEL_PACKAGES", ("first_wheel", "second_wheel"))
        monkeypatch.setattr(programs, "SYSTEM_FOLDERS", (f"{tmp_path}/lib/*/bin".lstrip("/"),))
        monkeypatch.syspath_prepend(tmp_path / "packages")

    @pytest.mark.parametrize(
        ("folders", "expected"),
        [
            (["lib/9.6/bin", "lib/18/bin", "lib/15/bin"], "lib/18/bin"),
            (["lib/18/bin", "path"], "path"),
            (
                ["path", "packages/second_wheel/pginstall/bin"],
                "packages/second_wheel/pginstall/bin",
            ),
            (
                [
                    "packages/second_wheel/pginstall19/bin",
                    "packages/first_wheel/pginstall/bin",
                    "packages/first_wheel/pginstall18/bin",
                ],
                "packages/first_wheel/pginstall18/bin",
            ),
        ],
    )
    def test_first_in_order(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        folders: list[str],
        expected: str,
    ) -> None:
        for folder in folders:
            install_programs(tmp_path / folder)
        monkeypatch.setenv("PATH", str(tmp_path / "path"))

        assert programs.find_programs() == (tmp_path / expected).resolve()

    def test_chosen_folder_is_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        install_programs(tmp_path / "path")
        install_programs(tmp_path / "chosen")
        monkeypatch.setenv("PG_BIN", str(tmp_path / "chosen"))

        assert programs.find_programs() == (tmp_path / "chosen").resolve()

    def test_missing_programs_are_reported(self) -> None:
        with pytest.raises(LocalPostgresError, match=r"uv sync.*Alpine.*PG_BIN.*DATABASE_URL"):
            programs.find_programs()


def install_programs(folder: Path) -> None:
    """Create a folder with fake programs."""
    folder.mkdir(parents=True)
    for name in ("initdb", "pg_ctl", "psql"):
        (folder / name).touch(0o755)


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


class TestSecondServer:
    """Process IDs and temporary folders differ between a container and its host."""

    def test_invisible_server_is_not_doubled(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cluster, "LOCK_WAIT_SECONDS", 0)
        other = Cluster(tmp_path / "data", durable=False)
        with (
            hold_exclusive(other.lock_path),
            pytest.raises(LocalPostgresError, match="Another PostgreSQL server"),
        ):
            other.start()
        assert not other.data.exists()

    def test_running_server_holds_the_lock(self) -> None:
        """The server of these tests inherited the lock from the process that started it."""
        server = get_local_server(durable=False)
        if not server.is_running:
            pytest.skip("TEST_DATABASE_URL names another server")
        file = open_lock_file(PROJECT_ROOT / ".postgres" / "test.server")
        is_free = try_lock_exclusive(file)
        os.close(file)

        assert not is_free
