"""A set of file changes is applied completely or not at all, despite kills and a full disk."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from chassis_tools.scaffolding.changes import (
    INTERRUPTED,
    ChangeSet,
    finish_interrupted,
    start_recovery,
)
from chassis_tools.scaffolding.journal import FOLDER, Journal, compute_digest
from manage.errors import CommandError

from tests.support.crash_injection import CHANGES, IMPORTS, project, run, start, tree
from tests.support.requirements import require


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path / "project")


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files after the change."""
    root = project(tmp_path_factory.mktemp("after"))
    ChangeSet(CHANGES).apply(root)
    return tree(root)


def wait_for_recovery(root: Path) -> None:
    """Wait until no process works on the project."""
    names = {str(root), f"{root}.python"}
    while any(
        names.intersection(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline"])
        if process.pid != os.getpid()
    ):
        time.sleep(0.005)


class TestKilled:
    """Processes are killed before each of their changes to the project's files."""

    @pytest.mark.quick
    @pytest.mark.parametrize("act", ["kill", "kill the group"])
    def test_command(self, act: str, tmp_path: Path, after: dict[str, bytes]) -> None:
        outcomes = []
        for step in range(1, 99):
            root = project(tmp_path / str(step))
            before = tree(root)
            done = run(root, command=(step, act))
            wait_for_recovery(root)
            outcomes.append(tree(root))
            assert outcomes[-1] in (before, after), step
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL
        # A command that is killed after its decision still succeeds.
        assert outcomes[0] == before
        assert outcomes[-2] == outcomes[-1] == after

    def test_recovery(self, tmp_path: Path, after: dict[str, bytes]) -> None:
        for step in range(1, 99):
            root = project(tmp_path / str(step))
            done = run(root, recovery=(step, "kill"))
            if done.returncode == 0:
                break
            assert done.stderr.strip() == INTERRUPTED
            finish_interrupted(root)
            assert tree(root) == after, step
        assert step > 20

    def test_recovery_of_the_next_commands(self, tmp_path: Path, after: dict[str, bytes]) -> None:
        draw = random.Random(4)
        for number in range(10):
            root = project(tmp_path / str(number))
            steps = [draw.randrange(1, 30) for _ in range(3)]
            for task, step in zip(("apply", "resume", "resume"), steps, strict=True):
                run(root, task, recovery=(step, "kill"))
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
            wait_for_recovery(root)
            assert tree(root) in (before, after)

    @pytest.mark.quick
    def test_signals_do_not_stop_the_recovery(self, root: Path, after: dict[str, bytes]) -> None:
        require(Path("/proc/self/status").exists(), "there is no /proc")
        with start_recovery(root) as finish:
            (recovery,) = psutil.Process().children()
            deadline = time.monotonic() + 20
            while not ignored_signals(recovery.pid) & 1 << signal.SIGTERM - 1:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                recovery.send_signal(number)
            assert os.getsid(recovery.pid) == recovery.pid
            ChangeSet(CHANGES)._commit(Journal(root))
            finish()
        assert tree(root) == after


@pytest.mark.quick
def test_recovery_imports_the_standard_library_alone() -> None:
    """It runs isolated and without site-packages."""
    code = "import sys\nsys.path[:0] = sys.argv[1:]\nimport chassis_tools.scaffolding.journal\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{code}print(*sys.modules)", *map(str, IMPORTS)],
        capture_output=True,
        text=True,
        check=True,
    )
    packages = {name.partition(".")[0] for name in done.stdout.split()}
    assert packages - sys.stdlib_module_names == {"__main__", "chassis_tools", "manage"}


class TestFailing:
    def test_step_that_fails_once(self, tmp_path: Path, after: dict[str, bytes]) -> None:
        undone = 0
        for step in range(1, 40):
            root = project(tmp_path / str(step))
            before = tree(root)
            done = run(root, recovery=(step, "fail"))
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
            run(root, recovery=(step, "kill"))
            if (root / "app/models.py").read_bytes() != before["app/models.py"]:
                break
        (root / "app/routes.py").write_bytes(b"mine")
        now = tree(root)
        with pytest.raises(CommandError, match=r"app/routes.py was edited after"):
            finish_interrupted(root)
        assert tree(root) == now

    @pytest.mark.quick
    def test_edit_before_the_first_step_wins(self, root: Path) -> None:
        run(root, recovery=(1, "kill"))
        (root / "app/routes.py").write_bytes(b"mine")
        with pytest.raises(CommandError, match="so nothing was changed"):
            finish_interrupted(root)
        assert tree(root) == {**tree(project(root.with_name("fresh"))), "app/routes.py": b"mine"}

    @pytest.mark.quick
    def test_damaged_journal_is_reported(self, root: Path) -> None:
        run(root, recovery=(1, "kill"))
        (root / FOLDER / "journal").write_bytes(b"{}\n")
        with pytest.raises(CommandError, match="is damaged"):
            finish_interrupted(root)

    @pytest.mark.quick
    def test_interrupted_change_comes_first(self, root: Path, after: dict[str, bytes]) -> None:
        run(root, recovery=(1, "kill"))
        with pytest.raises(CommandError, match="Another command's change is not complete"):
            ChangeSet(CHANGES).apply(root)
        assert tree(root) == after

    @pytest.mark.quick
    def test_change_that_another_command_undid_is_no_success(self, root: Path) -> None:
        before = tree(root)
        errors = [run(root, command=(step, "lose the journal")).stderr for step in (1, 2, 3, 4)]
        assert errors[-1] == "Another command reverted the change; run the command again\n"
        assert tree(root) == before

    @pytest.mark.quick
    def test_nothing_to_finish(self, root: Path) -> None:
        before = tree(root)
        finish_interrupted(root)
        assert tree(root) == before


def linked(name: str, target: str) -> Callable[[Path], None]:
    return lambda root: (root / name).symlink_to(target)


def untouched(_root: Path) -> None:
    """Do nothing: this case needs no link."""


def journal(path: object, mode: object = None, before: object = "mine", *folders: str) -> str:
    return json.dumps([folders, [[path, before, "yours", mode]]])


# Journals that no command writes, and links.
FOREIGN: dict[str, tuple[str, Callable[[Path], None]]] = {
    "upwards": (journal("../mine"), untouched),
    "down and upwards": (journal("app/../../mine"), untouched),
    "through a folder that is a link": (journal("out/mine"), linked("out", "..")),
    "through a link and back": (journal("out/project/notes.txt"), linked("out", "..")),
    "a file that is a link": (journal("out"), linked("out", "../mine")),
    "a link in the project": (journal("in/mine"), linked("in", "app")),
    "a new file of git": (journal(".git/hooks/pre-commit", before=None), untouched),
    "a file of git": (journal(".git/config"), untouched),
    "a file of git in capitals": (journal(".GIT/config", before=None), untouched),
    "a file of git by a link": (journal("in/config"), linked("in", ".git")),
    "a folder outside": (journal("app/a", None, None, "../empty"), untouched),
    "a folder of others": (journal("app/a", None, None, "empty"), untouched),
    "set user id": (journal("mine", 0o4755), untouched),
    "negative mode": (journal("mine", -1), untouched),
    "mode as a text": (journal("mine", "0o644"), untouched),
    "a number for a path": (journal(1), untouched),
    "an empty path": (journal(""), untouched),
    "a zero": (journal("app/\0"), untouched),
    "a surrogate": (journal("app/\ud800"), untouched),
    "no latin-1": (journal("mine", before="\u20ac"), untouched),
    "a number for a content": (journal("mine", before=1), untouched),
    "nothing": ("", untouched),
    "an object": ("{}", untouched),
    "nested": ("[" * 100_000, untouched),
    "a loop": (journal("loop", before=None), linked("loop", "loop")),
}


@pytest.mark.quick
class TestForeignJournal:
    """A valid hash proves that a journal is complete, not who wrote it."""

    @pytest.mark.parametrize(("body", "link"), FOREIGN.values(), ids=FOREIGN)
    def test_is_refused(self, body: str, link: Callable[[Path], None], root: Path) -> None:
        link(root)
        self.refuse(root, body)

    def test_absolute_path_is_refused(self, root: Path) -> None:
        self.refuse(root, journal(str(root.with_name("mine"))))
        self.refuse(root, journal(str(root / "mine")))

    def test_other_encoding_is_refused(self, root: Path) -> None:
        self.refuse(root, journal("mine"), encoding="utf-16")

    def refuse(self, root: Path, body: str, encoding: str = "utf-8") -> None:
        for folder in (root.parent, root, root / "app", root / ".git"):
            folder.mkdir(exist_ok=True)
            (folder / "empty").mkdir(exist_ok=True)
            for name in ("mine", "config"):
                (folder / name).write_text("mine")
        (root / FOLDER).mkdir(exist_ok=True)
        (root / FOLDER / "journal").write_text(f"{compute_digest(body)}\n{body}", encoding)
        before = state(root.parent)
        with pytest.raises(CommandError, match=f"delete {FOLDER}") as refusal:
            finish_interrupted(root)
        assert len(str(refusal.value).splitlines()) == 1
        assert state(root.parent) == before


def state(root: Path) -> dict[str, tuple[int, bytes | None]]:
    """Return all files and folders with their modes, without following links."""
    return {
        str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in root.rglob("*")
    }


def ignored_signals(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in status if line.startswith("SigIgn"))
