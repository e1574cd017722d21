"""Changes of files: all or none, whoever is killed, and nothing in the team's way."""

import os
import random
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from manage.errors import CommandError
from manage.scaffolding.changes import INTERRUPTED, Change, ChangeSet, finish_interrupted, standby
from manage.scaffolding.journal import FOLDER, Journal
from manage.scaffolding.locks import held

from tests.saboteur import BEFORE, CHANGES, REPOSITORY, project, run, start, tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path / "project")


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tree that the change leads to."""
    root = project(tmp_path_factory.mktemp("after"))
    ChangeSet(CHANGES).apply(root)
    return tree(root)


def wait_for_finishers(root: Path) -> None:
    """Until no process is at the project any more."""
    names = {str(root), f"{root}.python"}
    while any(
        names.intersection(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline"])
        if process.pid != os.getpid()
    ):
        time.sleep(0.005)


@pytest.mark.quick
class TestApplied:
    def test_all_files_change_and_nothing_else(self, root: Path) -> None:
        before = tree(root)
        ChangeSet(CHANGES).apply(root)
        now = tree(root)
        for change in CHANGES:
            assert now.get(change.path.as_posix()) == change.after
        assert now.keys() - before.keys() == {
            "app/orders",
            "app/orders/__init__.py",
            "app/orders/deep",
            "app/orders/deep/__init__.py",
            "app/orders/deep/models.py",
        }
        assert before.keys() - now.keys() == {
            "app/old",
            "app/old/__init__.py",
            "app/old/models.py",
            "migrations/0001.sql",
        }

    def test_reverse_leaves_no_trace(self, root: Path) -> None:
        before = tree(root)
        ChangeSet(CHANGES).apply(root)
        ChangeSet(Change(change.path, change.after, change.before) for change in CHANGES).apply(
            root
        )
        assert tree(root) == before

    def test_folder_with_other_files_stays(self, root: Path) -> None:
        (root / "app/old/__pycache__/mine.txt").write_bytes(b"mine")
        ChangeSet(CHANGES).apply(root)
        assert (root / "app/old/__pycache__/mine.txt").read_bytes() == b"mine"
        assert (root / "app/old/__pycache__/models.cpython-311.pyc").exists()

    def test_modes_stay(self, root: Path) -> None:
        (root / "app/routes.py").chmod(0o640)
        ChangeSet(CHANGES).apply(root)
        assert stat.S_IMODE((root / "app/routes.py").stat().st_mode) == 0o640
        usual = root / "usual"
        usual.touch()
        assert (root / "app/orders/__init__.py").stat().st_mode == usual.stat().st_mode

    def test_link_in_the_project_stays_a_link(self, root: Path) -> None:
        (root / "app/routes.py").rename(root / "real.py")
        (root / "app/routes.py").symlink_to("../real.py")
        ChangeSet(CHANGES).apply(root)
        assert (root / "app/routes.py").is_symlink()
        assert (root / "real.py").read_bytes() == b"routers = [orders]\r\n"

    def test_nothing_to_change_starts_nothing(self, root: Path) -> None:
        changes = ChangeSet([Change(Path("gone/a.py"), b"a", b"a")])
        assert not changes.changes
        changes.apply(root / "absent")

    def test_project_ignores_the_journal(self) -> None:
        assert f"{FOLDER}/" in (REPOSITORY / "template/.gitignore").read_text().splitlines()


@pytest.mark.quick
class TestShown:
    def test_tree_names_what_happens_to_each_file(self) -> None:
        assert ChangeSet(CHANGES).tree().splitlines() == [
            "change app/models.py",
            "delete app/old/__init__.py",
            "delete app/old/models.py",
            "create app/orders/__init__.py",
            "create app/orders/deep/__init__.py",
            "create app/orders/deep/models.py",
            "change app/routes.py",
            "delete migrations/0001.sql",
        ]

    def test_diff_is_a_patch(self, root: Path) -> None:
        texts = ChangeSet(
            [
                Change(Path("app/models.py"), BEFORE["app/models.py"], b"x = 1\r\ny = 2"),
                Change(Path("app/old/models.py"), BEFORE["app/old/models.py"], None),
                Change(Path("app/new.py"), None, "# Größe\n\x0c\n".encode()),
            ]
        )
        done = subprocess.run(
            ["git", "apply", "-"], cwd=root, input=texts.diff().encode(), check=False
        )
        assert done.returncode == 0
        assert (root / "app/models.py").read_bytes() == b"x = 1\r\ny = 2"
        assert not (root / "app/old/models.py").exists()
        assert (root / "app/new.py").read_bytes() == "# Größe\n\x0c\n".encode()

    def test_bytes_are_not_shown(self) -> None:
        change = Change(Path("app/image"), None, b"\xff")
        assert ChangeSet([change]).diff() == "Binary files /dev/null and b/app/image differ\n"


def rewritten(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda root: (root / name).write_bytes(content)


def replaced(name: str, by: Callable[[Path], object]) -> Callable[[Path], object]:
    def do(root: Path) -> object:
        (root / name).unlink(missing_ok=True)
        return by(root / name)

    return do


def linked_folder(root: Path) -> None:
    (root / "app").rename(root.with_name("elsewhere"))
    (root / "app").symlink_to(root.with_name("elsewhere"))


def linked_file(path: Path) -> None:
    path.with_name("real").write_bytes(BEFORE["app/old/models.py"])
    path.symlink_to("real")


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "edited": (rewritten("app/routes.py", b"routers = [mine]"), "app/routes.py has changed"),
    "line ends": (rewritten("app/routes.py", b"routers = []\n"), "app/routes.py has changed"),
    "gone": (lambda root: (root / "app/routes.py").unlink(), "app/routes.py is gone"),
    "there": (lambda root: (root / "app/orders").touch(), "app/orders is not a folder"),
    "folder": (replaced("app/models.py", Path.mkdir), "app/models.py is not a file"),
    "pipe": (replaced("app/models.py", os.mkfifo), "app/models.py is not a file"),
    "outward folder": (linked_folder, "leads out of the project"),
    "outward file": (
        replaced("app/models.py", lambda path: path.symlink_to("/etc/hostname")),
        "leads out of the project",
    ),
    "dangling link": (
        replaced("app/models.py", lambda path: path.symlink_to("absent")),
        "app/models.py is a link to nothing",
    ),
    "deleted link": (replaced("app/old/models.py", linked_file), "app/old/models.py is a link"),
    "case of a folder": (lambda root: (root / "app/Orders").mkdir(), "app/Orders in case only"),
    "case of a file": (
        lambda root: (root / "app/models.py").rename(root / "app/Models.py"),
        "app/Models.py in case only",
    ),
}


@pytest.mark.quick
class TestRefused:
    @pytest.mark.parametrize(("spoil", "sentence"), SPOILED.values(), ids=SPOILED)
    def test_file_that_is_not_as_it_was(
        self, spoil: Callable[[Path], object], sentence: str, root: Path
    ) -> None:
        spoil(root)
        before = sorted(root.rglob("*"))
        with pytest.raises(CommandError, match=sentence):
            ChangeSet(CHANGES).apply(root)
        assert sorted(root.rglob("*")) == before

    def test_folder_of_the_journal_that_is_a_file(self, root: Path) -> None:
        (root / FOLDER).touch()
        with pytest.raises(CommandError, match=f"{FOLDER}.* could not be changed"):
            ChangeSet(CHANGES).apply(root)

    def test_folder_of_the_journal_that_holds_more(self, root: Path) -> None:
        (root / FOLDER).mkdir()
        (root / FOLDER / "mine").touch()
        ChangeSet(CHANGES).apply(root)
        finish_interrupted(root)
        assert [path.name for path in (root / FOLDER).iterdir()] == ["mine"]

    @pytest.mark.parametrize("path", ["../evil.py", "/evil.py", ".", "app/../../evil.py"])
    def test_path_outside(self, path: str, root: Path) -> None:
        with pytest.raises(CommandError, match="is not a path in the project"):
            ChangeSet([Change(Path(path), None, b"")]).apply(root)

    def test_long_name(self, root: Path) -> None:
        with pytest.raises(CommandError, match="so nothing was changed"):
            ChangeSet([Change(Path("x" * 300), None, b"")]).apply(root)
        assert not (root / FOLDER).exists()

    @pytest.mark.parametrize("paths", [("app/a.py", "app/A.py"), ("app/a.py", "app/a.py")])
    def test_same_file_twice(self, paths: tuple[str, str]) -> None:
        with pytest.raises(CommandError, match="the same file"):
            ChangeSet(Change(Path(path), None, b"") for path in paths)

    def test_file_in_a_file(self) -> None:
        with pytest.raises(CommandError, match="app/a would be both"):
            ChangeSet(Change(Path(path), None, b"") for path in ("app/a/b.py", "app/a"))

    def test_second_command(self, root: Path) -> None:
        with held(root.resolve()), pytest.raises(CommandError, match="Another command"):
            ChangeSet(CHANGES).apply(root)
        assert not (root / FOLDER).exists()


class TestKilled:
    """Right before each step that a process takes on the project's files."""

    @pytest.mark.quick
    @pytest.mark.parametrize("act", ["kill", "kill the group"])
    def test_command(self, act: str, tmp_path: Path, after: dict[str, bytes]) -> None:
        outcomes = []
        for step in range(1, 99):
            root = project(tmp_path / str(step))
            before = tree(root)
            done = run(root, command=(step, act))
            wait_for_finishers(root)
            outcomes.append(tree(root))
            assert outcomes[-1] in (before, after), step
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL
        # Killed after its decision, the command has its way all the same.
        assert outcomes[0] == before
        assert outcomes[-2] == outcomes[-1] == after

    def test_finisher(self, tmp_path: Path, after: dict[str, bytes]) -> None:
        for step in range(1, 99):
            root = project(tmp_path / str(step))
            done = run(root, finisher=(step, "kill"))
            if done.returncode == 0:
                break
            assert done.stderr.strip() == INTERRUPTED
            finish_interrupted(root)
            assert tree(root) == after, step
        assert step > 20

    def test_finisher_of_the_next_commands(self, tmp_path: Path, after: dict[str, bytes]) -> None:
        draw = random.Random(4)
        for number in range(20):
            root = project(tmp_path / str(number))
            steps = [draw.randrange(1, 30) for _ in range(3)]
            for task, step in zip(("apply", "resume", "resume"), steps, strict=True):
                run(root, task, finisher=(step, "kill"))
            finish_interrupted(root)
            assert tree(root) == after, steps

    @pytest.mark.quick
    def test_group_at_any_moment(self, tmp_path: Path, after: dict[str, bytes]) -> None:
        draw = random.Random(4)
        for number in range(20):
            root = project(tmp_path / str(number))
            before = tree(root)
            with start(root) as process:
                time.sleep(draw.uniform(0.05, 0.3))
                os.killpg(process.pid, signal.SIGKILL)
            wait_for_finishers(root)
            assert tree(root) in (before, after)

    @pytest.mark.quick
    @pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks into /proc")
    def test_signals_do_not_reach_the_finisher(self, root: Path, after: dict[str, bytes]) -> None:
        with standby(root) as finish:
            (finisher,) = psutil.Process().children()
            while not ignored_signals(finisher.pid) & 1 << signal.SIGTERM - 1:
                time.sleep(0.005)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                finisher.send_signal(number)
            assert os.getsid(finisher.pid) == finisher.pid
            ChangeSet(CHANGES)._decide(Journal(root))
            finish()
        assert tree(root) == after


class TestFailing:
    def test_step_that_fails_once(self, tmp_path: Path, after: dict[str, bytes]) -> None:
        undone = 0
        for step in range(1, 40):
            root = project(tmp_path / str(step))
            before = tree(root)
            done = run(root, finisher=(step, "fail"))
            if "so nothing was changed" in done.stderr:
                assert "no space left on device" in done.stderr
                assert tree(root) == before, step
                undone += 1
            else:
                finish_interrupted(root)
                assert tree(root) == after, step
        assert undone > 15

    @pytest.mark.quick
    def test_disk_is_full_before_the_decision(self, root: Path) -> None:
        before = tree(root)
        for step in (1, 2, 3):
            done = run(root, command=(step, "fail"))
            assert "could not be changed (no space left on device), so nothing" in done.stderr
            assert len(done.stderr.splitlines()) == 1
            assert tree(root) == before

    @pytest.mark.quick
    def test_edit_after_a_crash_is_not_overwritten(self, root: Path) -> None:
        before = tree(root)
        for step in range(1, 99):
            root = project(root.with_name(str(step)))
            run(root, finisher=(step, "kill"))
            if (root / "app/models.py").read_bytes() != before["app/models.py"]:
                break
        (root / "app/routes.py").write_bytes(b"mine")
        now = tree(root)
        with pytest.raises(CommandError, match=r"app/routes.py was edited after"):
            finish_interrupted(root)
        assert tree(root) == now

    @pytest.mark.quick
    def test_edit_before_the_first_step_wins(self, root: Path) -> None:
        run(root, finisher=(1, "kill"))
        (root / "app/routes.py").write_bytes(b"mine")
        with pytest.raises(CommandError, match="so nothing was changed"):
            finish_interrupted(root)
        assert tree(root) == {**tree(project(root.with_name("fresh"))), "app/routes.py": b"mine"}

    @pytest.mark.quick
    def test_damaged_journal_is_reported(self, root: Path) -> None:
        run(root, finisher=(1, "kill"))
        (root / FOLDER / "journal").write_bytes(b"{}\n")
        with pytest.raises(CommandError, match="is damaged"):
            finish_interrupted(root)

    @pytest.mark.quick
    def test_interrupted_change_comes_first(self, root: Path, after: dict[str, bytes]) -> None:
        run(root, finisher=(1, "kill"))
        with pytest.raises(CommandError, match="was interrupted"):
            ChangeSet(CHANGES).apply(root)

    @pytest.mark.quick
    def test_nothing_to_finish(self, root: Path) -> None:
        before = tree(root)
        finish_interrupted(root)
        assert tree(root) == before


def ignored_signals(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in status if line.startswith("SigIgn"))
