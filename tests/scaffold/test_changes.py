"""A set of file changes is applied completely or not at all."""

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chassis_tools.scaffolding import changes
from chassis_tools.scaffolding.changes import Change, ChangeSet, finish_interrupted, read_migrations
from chassis_tools.scaffolding.journal import FOLDER
from chassis_tools.scaffolding.lock import lock_project
from manage.errors import CommandError

from tests.support.crash_injection import BEFORE, CHANGES, REPOSITORY, project, tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path / "project")


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
        nothing = ChangeSet([Change(Path("gone/a.py"), b"a", b"a")])
        assert not nothing.changes
        nothing.apply(root / "absent")

    def test_project_ignores_the_journal(self) -> None:
        assert f"{FOLDER}/" in (REPOSITORY / "template/.gitignore").read_text().splitlines()


@pytest.mark.quick
class TestShown:
    def test_tree_names_what_happens_to_each_file(self) -> None:
        assert ChangeSet(CHANGES).format_summary().splitlines() == [
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
            ["git", "apply", "-"], cwd=root, input=texts.format_diff().encode(), check=False
        )
        assert done.returncode == 0
        assert (root / "app/models.py").read_bytes() == b"x = 1\r\ny = 2"
        assert not (root / "app/old/models.py").exists()
        assert (root / "app/new.py").read_bytes() == "# Größe\n\x0c\n".encode()

    def test_bytes_are_not_shown(self) -> None:
        change = Change(Path("app/image"), None, b"\xff")
        assert (
            ChangeSet([change]).format_diff() == "Binary files /dev/null and b/app/image differ\n"
        )


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
    "edited": (rewritten("app/routes.py", b"routers = [mine]"), "app/routes.py was edited"),
    "line ends": (rewritten("app/routes.py", b"routers = []\n"), "app/routes.py was edited"),
    "gone": (lambda root: (root / "app/routes.py").unlink(), "app/routes.py was deleted"),
    "there": (lambda root: (root / "app/orders").touch(), "app/orders is not a folder"),
    "folder": (replaced("app/models.py", Path.mkdir), "app/models.py is not a file"),
    "pipe": (replaced("app/models.py", os.mkfifo), "app/models.py is not a file"),
    "outward folder": (linked_folder, "is outside the project"),
    "outward file": (
        replaced("app/models.py", lambda path: path.symlink_to("/etc/hostname")),
        "is outside the project",
    ),
    "dangling link": (
        replaced("app/models.py", lambda path: path.symlink_to("absent")),
        "app/models.py is a broken symbolic link",
    ),
    "deleted link": (
        replaced("app/old/models.py", linked_file),
        "app/old/models.py is a symbolic link",
    ),
    "case of a folder": (lambda root: (root / "app/Orders").mkdir(), "app/Orders only in case"),
    "case of a file": (
        lambda root: (root / "app/models.py").rename(root / "app/Models.py"),
        "app/Models.py only in case",
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
            ChangeSet(CHANGES).apply(root, before_commit=lambda: pytest.fail("the rows are lost"))
        assert sorted(root.rglob("*")) == before

    def test_what_comes_first_fails(self, root: Path) -> None:
        def fail() -> None:
            raise CommandError("The database does not answer")

        before = sorted(root.rglob("*"))
        with pytest.raises(CommandError, match="does not answer"):
            ChangeSet(CHANGES).apply(root, before_commit=fail)
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

    def test_two_paths_to_a_file(self, root: Path) -> None:
        (root / "linked").symlink_to("app")
        paths = ("app/new.py", "linked/new.py")
        with pytest.raises(CommandError, match="the same file"):
            ChangeSet(Change(Path(path), None, b"") for path in paths).apply(root)

    def test_file_in_a_file(self) -> None:
        with pytest.raises(CommandError, match="app/a would be both"):
            ChangeSet(Change(Path(path), None, b"") for path in ("app/a/b.py", "app/a"))

    def test_second_command(self, root: Path) -> None:
        with lock_project(root.resolve()), pytest.raises(CommandError, match="Another command"):
            ChangeSet(CHANGES).apply(root)
        assert not (root / FOLDER).exists()

    @pytest.mark.parametrize("path", [".git/hooks/pre-commit", "app/.GIT/config"])
    def test_file_of_git(self, path: str, root: Path) -> None:
        with pytest.raises(CommandError, match="belongs to git"):
            ChangeSet([Change(Path(path), None, b"")]).apply(root)


LEFT = ("draft", "journal", "0.before", "0.after")


@pytest.mark.quick
@pytest.mark.parametrize("act", [ChangeSet(CHANGES).apply, finish_interrupted])
class TestFolderOfTheJournal:
    """Nothing is written to or deleted from the target of a link."""

    def test_is_a_link(self, act: Callable[[Path], None], root: Path) -> None:
        elsewhere = root.with_name("elsewhere")
        elsewhere.mkdir()
        for name in LEFT:
            (elsewhere / name).write_bytes(b"mine")
        (root / FOLDER).symlink_to(elsewhere)
        self.refuse(act, root)

    def test_is_a_link_to_nothing(self, act: Callable[[Path], None], root: Path) -> None:
        (root / FOLDER).symlink_to(root.with_name("elsewhere"))
        self.refuse(act, root)

    @pytest.mark.parametrize("name", LEFT)
    def test_holds_a_link(self, name: str, act: Callable[[Path], None], root: Path) -> None:
        root.with_name("mine").write_bytes(b"mine")
        (root / FOLDER).mkdir()
        (root / FOLDER / name).symlink_to(root.with_name("mine"))
        self.refuse(act, root)

    def refuse(self, act: Callable[[Path], None], root: Path) -> None:
        before = tree(root.parent)
        with pytest.raises(
            CommandError, match=rf"{FOLDER} is or contains a symbolic link: delete it"
        ):
            act(root)
        assert tree(root.parent) == before


@pytest.mark.quick
class TestMigrations:
    """A plan is rejected if the migrations changed since it was made."""

    @pytest.mark.parametrize("name", ["app/2_mine.py", "app/2_mine.sql", "core/2_theirs.py"])
    @pytest.mark.parametrize("spoil", ["write", "edit", "delete"])
    def test_other_ones_are_refused(self, name: str, spoil: str, root: Path) -> None:
        path = root / "migrations" / name
        path.parent.mkdir()
        if spoil != "write":
            path.write_text("before")
        planned = ChangeSet(CHANGES, read_migrations(root))
        if spoil == "delete":
            path.unlink()
        else:
            path.write_text("after")
        before = tree(root)
        with pytest.raises(CommandError, match="Another process changed the migrations"):
            planned.apply(root, before_commit=lambda: pytest.fail("the rows are lost"))
        assert tree(root) == before

    def test_same_ones_are_not(self, root: Path) -> None:
        planned = ChangeSet(CHANGES, read_migrations(root))
        (root / "migrations/app/__pycache__").mkdir(parents=True)
        (root / "migrations/app/__pycache__/a.py").touch()
        planned.apply(root)


@pytest.mark.quick
def test_later_change_of_another_command_undoes_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def start_recovery(root: Path) -> Iterator[Callable[[], None]]:
        with original(root) as finish:

            def finish_and_go_on() -> None:
                finish()
                (root / "app/routes.py").write_bytes(b"routers = [lines, orders]")

            yield finish_and_go_on

    original = changes.start_recovery
    monkeypatch.setattr(changes, "start_recovery", start_recovery)
    ChangeSet(CHANGES).apply(root)
    assert (root / "app/routes.py").read_bytes() == b"routers = [lines, orders]"
