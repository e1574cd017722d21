"""An upgrade of a project, which can be undone until it is committed."""

import filecmp
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from chassis_tools.scaffolding.changes import Change, ChangeSet
from chassis_tools.scaffolding.file_operations import read_content
from chassis_tools.upgrading.files import (
    find_owner,
    is_covered,
    normalize,
    read_owners,
)
from chassis_tools.upgrading.repository import Repository, split_names
from chassis_tools.upgrading.running import EXCLUDED, update
from chassis_tools.upgrading.vendored import (
    EXECUTABLE,
    PATCHES,
    find_linked_folder,
    find_unused,
)
from manage.errors import CommandError

STATE = Path(".local", "upgrade.json")
BACKUPS = Path(".local", "before-upgrade")
# Suffixes of the code and configuration that releases render.
RENDERED_SUFFIXES = (
    *(".ini", ".jinja", ".json", ".mako", ".py", ".sql", ".toml", ".yml"),
    *(".env.example", ".gitattributes", ".gitignore"),
)
LOCK_FILE = "uv.lock"  # `uv sync` changes it after the update.
LINK = (
    "it is a symbolic link, or in a folder that is one, so the upgrade left it out: apply the"
    " release's change where it leads"
)


@dataclass(frozen=True)
class State:
    """The recorded state of an upgrade that is not committed."""

    head: str
    """The commit before the upgrade."""
    changed: list[str]
    """The files that the upgrade changed."""


@dataclass(frozen=True)
class Upgrade:
    """The upgrade of a project."""

    repository: Repository

    def reject_unclean(self) -> None:
        """Reject a project whose upgrade could not be reviewed or undone."""
        if self.is_in_progress:
            raise CommandError(
                "An upgrade is in progress: commit its result, or undo it with"
                " `manage upgrade --abort`"
            )
        if changed := self.repository.list_changed():
            more = " and other files are" if len(changed) > 1 else " is"
            raise CommandError(
                f"{changed[0]}{more} not committed: commit or stash your changes first, so that"
                " the upgrade can be reviewed and undone"
            )
        if paths := self.repository.list_assumed_unchanged():
            raise CommandError(
                f"git ignores changes to {paths[0]}: run"
                f" `git update-index --no-skip-worktree --no-assume-unchanged {paths[0]}` first"
            )
        self.reject_links()
        self.reject_ignored()

    def reject_links(self) -> None:
        """Reject links in place of folders: an upgrade would write and delete through them."""
        local = (path for path in (STATE.parent, STATE, BACKUPS, PATCHES) if self._is_link(path))
        link = next((path.as_posix() for path in local), None)
        if link := link or find_linked_folder(self.repository.root):
            raise CommandError(
                f"{link} is a symbolic link, which an upgrade would follow: replace it with a"
                " folder or file"
            )

    def _is_link(self, path: Path) -> bool:
        return (self.repository.root / path).is_symlink()

    def reject_ignored(self) -> None:
        """Reject an ignored file that an update could overwrite: git could not restore it."""
        owners = read_owners(self.repository.root)
        for path in self._list_ignored_files(self.repository.list_ignored()):
            if path.endswith(RENDERED_SUFFIXES) and find_owner(path, owners) != "owned":
                raise CommandError(
                    f"git ignores {path}, which an upgrade could overwrite: rename the file, or"
                    " change .gitignore"
                )

    def _list_ignored_files(self, ignored: Sequence[str]) -> Iterator[str]:
        """Yield the ignored files, including those in folders that a release may write to."""
        owners = read_owners(self.repository.root)
        entries = [entry for entry, owner in owners.items() if owner != "owned"]
        for path in ignored:
            if not path.endswith("/"):
                yield path
            elif any(is_covered(path, entry) or is_covered(entry, path) for entry in entries):
                for folder, names, files in os.walk(self.repository.root / path):
                    if is_cache(Path(folder)):
                        names.clear()
                        continue
                    for file in files:
                        yield Path(folder, file).relative_to(self.repository.root).as_posix()

    @contextmanager
    def merge(self, tag: str, answers: Mapping[str, str]) -> Iterator[Repository]:
        """Update a clone of the last commit; yield it, while the project stays as it is."""
        with TemporaryDirectory() as name:
            clone = self.repository.clone_to(Path(name, "project"))
            clone.delete_links()  # Copier would write through them, to files outside of the clone.
            self._copy_patches(clone)
            with report_interruption():
                update(clone.root, tag, answers)
            yield clone

    def carry_over(self, clone: Repository) -> None:
        """Make the files that differ in a clone equal, all or none, except those behind links.

        Raises CommandError if nothing was changed.
        """
        root = self.repository.root
        written = [path for path in list_results(clone) if not self.is_behind_link(path)]
        changes = [self._build_change(clone, path) for path in written]
        if edited := sorted({*self.repository.list_changed()}.intersection(written)):
            raise CommandError(
                f"Nothing was changed: {edited[0]} was edited during the upgrade; commit or stash"
                " your changes, then run the command again"
            )
        self._state.parent.mkdir(exist_ok=True)
        self._back_up(written)
        self._keep_patches(clone)  # Before the edits are replaced.
        ChangeSet(changes).apply(root, before_commit=lambda: self._write_state(written))
        for path in filter(lambda path: (clone.root / path).is_file(), written):
            copy_mode(clone.root / path, root / path)
        self.repository.copy_unmerged(clone)

    def _build_change(self, clone: Repository, path: str) -> Change:
        file = clone.root / path
        before = read_content(self.repository.root / path)
        after = file.read_bytes() if file.is_file() else None
        if before is not None and after is not None and path in self._committed:
            committed = self.repository.read_committed(path)
            # git writes carriage returns into the user's files, but not into the clone's.
            if before != committed and before == add_carriage_returns(committed):
                after = add_carriage_returns(after)
        return Change(Path(path), before, after)

    @cached_property
    def _committed(self) -> frozenset[str]:
        return frozenset(self.repository.list_committed())

    def is_behind_link(self, path: str) -> bool:
        """Return True if a file is a symbolic link, or in a folder that is one."""
        return any(self._is_link(part) for part in (Path(path), *Path(path).parents))

    def _copy_patches(self, clone: Repository) -> None:
        """Copy the saved edits to a clone, so that new ones get other names."""
        if (patches := self.repository.root / PATCHES).is_dir():
            shutil.copytree(patches, clone.root / PATCHES)

    def _keep_patches(self, clone: Repository) -> None:
        """Copy the new saved edits from a clone."""
        if (patches := clone.root / PATCHES).is_dir():
            shutil.copytree(patches, self.repository.root / PATCHES, dirs_exist_ok=True)

    def list_overwritten(self) -> list[str]:
        """List the ignored files that the update changed; delete the backups of the others."""
        overwritten = []
        for backup in filter(Path.is_file, [*self._backups.rglob("*")]):
            path = backup.relative_to(self._backups)
            if is_same(backup, self.repository.root / path):
                backup.unlink()
            else:
                overwritten.append(path.as_posix())
        return sorted(overwritten)

    def abort(self) -> None:
        """Restore every file that the upgrade changed."""
        if not self._state.exists():
            raise CommandError("No upgrade is in progress")
        if self._read_state().head != self.repository.get_head():
            raise CommandError(
                "The upgrade is already committed: undo it with `git revert` or `git reset`"
            )
        if not self.is_in_progress:
            self._delete_state()
            raise CommandError("No upgrade is in progress")
        self.repository.restore(self._find_changed())
        self._restore_ignored()
        self._delete_state()

    @property
    def is_in_progress(self) -> bool:
        """True while the upgrade's result is not committed."""
        if not self._state.exists():
            return False
        head = self._read_state().head
        return head == self.repository.get_head() and bool(self._find_changed() - {LOCK_FILE})

    @property
    def _state(self) -> Path:
        return self.repository.root / STATE

    @property
    def _backups(self) -> Path:
        return self.repository.root / BACKUPS

    def _back_up(self, paths: Sequence[str]) -> None:
        """Copy the files that git could not restore; keep older copies."""
        if self._backups.exists():
            if any(path.is_file() for path in self._backups.rglob("*")):
                root = self.repository.root
                self._backups.rename(root / find_unused(root, BACKUPS))
            else:
                shutil.rmtree(self._backups)
        for path in paths:
            file, backup = self.repository.root / path, self._backups / path
            if path not in self._committed and file.is_file():
                backup.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, backup)

    def _restore_ignored(self) -> None:
        """Move the copies of overwritten ignored files back."""
        for path in self.list_overwritten():
            (self.repository.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self._backups / path).replace(self.repository.root / path)

    def _find_changed(self) -> set[str]:
        """Return the recorded files that differ from the last commit, and uv's lock file."""
        changed = {*self.repository.list_changed()}
        changed |= {*self._list_ignored_files(self.repository.list_ignored())}
        return changed & {*self._read_state().changed, LOCK_FILE}

    def _read_state(self) -> State:
        try:
            return State(**json.loads(self._state.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise CommandError(
                f"{STATE.as_posix()} cannot be read: compare the files with git, restore those of"
                " the upgrade, then delete it"
            ) from error

    def _write_state(self, changed: list[str]) -> None:
        state = State(self.repository.get_head(), changed)
        self._state.write_text(json.dumps(asdict(state)))

    def _delete_state(self) -> None:
        self._state.unlink(missing_ok=True)


@contextmanager
def report_interruption() -> Iterator[None]:
    """Say that nothing was changed if the command is interrupted."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        sys.stderr.write("Nothing was changed.\n")
        raise


def list_results(clone: Repository) -> list[str]:
    """List the files of an updated clone that differ from its last commit, ignored ones too."""
    others = clone.git("ls-files", "--others", "-z")
    paths = {*clone.list_changed(), *split_names(others)}
    return sorted(path for path in paths if Path(path).parts[0] not in EXCLUDED)


def copy_mode(file: Path, target: Path) -> None:
    """Make a file executable, or not, like another."""
    if os.name != "nt":  # Windows has no executable bits.
        mode = target.stat().st_mode
        target.chmod(mode & ~EXECUTABLE | file.stat().st_mode & EXECUTABLE)


def add_carriage_returns(content: bytes) -> bytes:
    """Return a text with CRLF line endings."""
    return normalize(content).replace(b"\n", b"\r\n")


def is_cache(folder: Path) -> bool:
    """Return True for a folder of generated files, such as bytecode or the cache of a linter."""
    return folder.name == "__pycache__" or (folder / "CACHEDIR.TAG").exists()


def is_same(file: Path, other: Path) -> bool:
    """Return True if both files exist and have the same content."""
    return other.is_file() and filecmp.cmp(file, other, shallow=False)
