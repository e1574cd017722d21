"""An upgrade of a project, which can be undone until it is committed."""

import filecmp
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from chassis_tools.upgrading.files import find_owner, is_covered, read_owners
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.running import update
from chassis_tools.upgrading.vendored import PATCHES, find_linked_folder, find_unused
from manage.errors import CommandError

STATE = Path(".local", "upgrade.json")
BACKUPS = Path(".local", "before-upgrade")
# Suffixes of the code and configuration that releases render.
RENDERED_SUFFIXES = (
    *(".ini", ".jinja", ".json", ".mako", ".py", ".sql", ".toml", ".yml"),
    *(".env.example", ".gitattributes", ".gitignore"),
)
LOCK_FILE = "uv.lock"  # `uv sync` changes it after the update.


@dataclass(frozen=True)
class State:
    """The recorded state of an upgrade that is not committed."""

    head: str
    """The commit before the upgrade."""
    changed: list[str] | None
    """The files that the upgrade changed; None until it has finished."""
    ignored: list[str]
    """The files and folders that git ignored before the upgrade."""


@dataclass(frozen=True)
class Upgrade:
    """The upgrade of a project."""

    repository: Repository
    is_dry_run: bool = False
    """True in a temporary clone, which needs no restoring."""

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

    def run(
        self,
        tag: str,
        answers: Mapping[str, str],
        finish: Callable[[], None] | None = None,
    ) -> list[str]:
        """Update the project, call `finish`, and return the changed files; undo both on failure."""
        ignored = self.repository.list_ignored()
        self._state.parent.mkdir(exist_ok=True)
        self._write_state(None, ignored)
        self._back_up(ignored)
        try:
            update(self.repository.root, tag, answers)
            if finish:
                finish()
        except CommandError as error:
            raise CommandError(f"{error}{self._stash()}") from None
        except BaseException:
            sys.stderr.write(f"Nothing was changed{self._stash()}.\n")
            raise
        # With a new .gitignore, files that git ignored before the update are listed as changed.
        changed = [
            path
            for path in self.repository.list_changed()
            if not any(is_covered(path, entry) for entry in ignored)
        ]
        self._write_state(changed, ignored)
        return changed

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

    def abort(self) -> str:
        """Restore every file that the upgrade changed; return a note for the user, if any."""
        if not self._state.exists():
            raise CommandError("No upgrade is in progress")
        if self._read_state().head != self.repository.get_head():
            raise CommandError(
                "The upgrade is already committed: undo it with `git revert` or `git reset`"
            )
        if not self.is_in_progress:
            self._delete_state()
            raise CommandError("No upgrade is in progress")
        if self._read_state().changed is None:
            return self._stash()
        self.repository.restore(self._find_changed())
        self._restore_ignored()
        self._delete_state()
        return ""

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

    def _back_up(self, ignored: Sequence[str]) -> None:
        """Copy the ignored files, which git could not restore; keep older copies."""
        if self._backups.exists():
            if any(path.is_file() for path in self._backups.rglob("*")):
                root = self.repository.root
                self._backups.rename(root / find_unused(root, BACKUPS))
            else:
                shutil.rmtree(self._backups)
        for path in self._list_ignored_files(ignored):
            file, backup = self.repository.root / path, self._backups / path
            if file.is_file():
                backup.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, backup)

    def _restore_ignored(self) -> None:
        """Move the copies of overwritten ignored files back."""
        for path in self.list_overwritten():
            (self.repository.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self._backups / path).replace(self.repository.root / path)

    def _stash(self) -> str:
        """Stash an incomplete update, so that no edit is lost; return a note for users."""
        if self.is_dry_run:
            return ""
        has_changes = bool(self.repository.list_changed())
        if has_changes:
            self.repository.stash("manage upgrade, incomplete", self._list_no_longer_ignored())
        self._restore_ignored()
        self._delete_state()
        return "; uncommitted changes are kept in `git stash`" if has_changes else ""

    def _list_no_longer_ignored(self) -> list[str]:
        """List the paths that git ignored only before the update; they may hold secrets."""
        ignored = self.repository.list_ignored()
        return [
            path
            for path in (f"{STATE.parent.as_posix()}/", *self._read_state().ignored)
            if not any(is_covered(path, entry) for entry in ignored)
        ]

    def _find_changed(self) -> set[str]:
        """Return the upgrade's uncommitted changes; all changes if it was interrupted."""
        recorded = self._read_state().changed
        changed = set(self.repository.list_changed())
        return changed if recorded is None else changed & {*recorded, LOCK_FILE}

    def _read_state(self) -> State:
        return State(**json.loads(self._state.read_text()))

    def _write_state(self, changed: list[str] | None, ignored: list[str]) -> None:
        state = State(self.repository.get_head(), changed, ignored)
        self._state.write_text(json.dumps(asdict(state)))

    def _delete_state(self) -> None:
        self._state.unlink(missing_ok=True)


def is_cache(folder: Path) -> bool:
    """Return True for a folder of generated files, such as bytecode or the cache of a linter."""
    return folder.name == "__pycache__" or (folder / "CACHEDIR.TAG").exists()


def is_same(file: Path, other: Path) -> bool:
    """Return True if both files exist and have the same content."""
    return other.is_file() and filecmp.cmp(file, other, shallow=False)
