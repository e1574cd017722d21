"""A write-ahead journal: a change with a complete journal is finished, one without is discarded.

The recovery process imports this module without site-packages: use the standard library only.
"""

import hashlib
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from chassis_tools.scaffolding.file_operations import (
    copy_owner,
    describe_error,
    read_content,
    remove_empty_folder,
    resolve_path,
    sync_folder,
    write_and_sync,
)
from chassis_tools.scaffolding.lock import lock_project
from manage.errors import CommandError

FOLDER = ".manage"
PERMISSION_BITS = 0o777
LOCK_TIMEOUT_SECONDS = 60


class JournalEntry(NamedTuple):
    """A file and its content before and after the change; None if the file is absent."""

    path: str
    before: bytes | None
    after: bytes | None
    mode: int | None


class Journal:
    """The write-ahead journal of a project; its folder also holds the staged files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER
        self.path = self.folder / "journal"
        self._draft = self.folder / "draft"

    def write(self, entries: list[JournalEntry]) -> None:
        """Write the draft of the journal, before the change is committed."""
        files = [
            (path, encode_content(old), encode_content(new), mode)
            for path, old, new, mode in entries
        ]
        body = json.dumps([self._find_missing_folders(entries), files])
        self.folder.mkdir(exist_ok=True)
        write_and_sync(self._draft, f"{compute_digest(body)}\n{body}".encode())

    def commit(self) -> None:
        """Commit the change, so that it will be completed after an interruption."""
        self._draft.replace(self.path)
        sync_folder(self.folder)
        sync_folder(self.root)

    def read(self) -> tuple[list[str], list[JournalEntry]]:
        """Return the folders to create and the files to change; reject a damaged journal."""
        try:
            expected, _, body = self.path.read_text(encoding="utf-8").partition("\n")
            if compute_digest(body) != expected:
                raise ValueError(expected)
            folders, files = json.loads(body)
            entries = [
                JournalEntry(path, decode_content(old), decode_content(new), mode)
                for path, old, new, mode in files
            ]
            self._check_paths(folders, entries)
        except (CommandError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            reason = f" ({error})" if isinstance(error, CommandError) else ""
            raise CommandError(
                f"The journal in {FOLDER} is damaged{reason}; compare the files with git, then"
                f" delete {FOLDER}"
            ) from None
        return folders, entries

    def _check_paths(self, folders: list[str], entries: list[JournalEntry]) -> None:
        """Reject paths outside the project: the digest does not prove who wrote the journal."""
        for path, _, _, mode in entries:
            if resolve_path(self.root, Path(path)) != self.root / path:
                raise CommandError(f"{path} is reached through a symbolic link")
            if mode is not None and not 0 <= mode <= PERMISSION_BITS:
                raise CommandError(f"{path} would have special permissions")
        parents = {folder.as_posix() for entry in entries for folder in Path(entry.path).parents}
        if not parents.issuperset(folders):
            raise CommandError("it creates folders that contain no file")

    def reject_links(self) -> None:
        """Reject links in the journal's folder, which could lead out of the project."""
        contents = self.folder.iterdir() if self.folder.is_dir() else ()
        if any(path.is_symlink() for path in (self.folder, *contents)):
            raise CommandError(
                f"{FOLDER} is or contains a symbolic link: delete it, then run the command again"
            )

    def replay(self) -> None:
        """Apply the committed change, or roll it back if that fails; then clean up."""
        self.reject_links()
        if self.path.exists():
            folders, entries = self.read()
            self._reject_edits(entries)
            self._stage_all(entries)
            try:
                self._apply(folders, entries)
            except OSError as error:
                self._roll_back(folders, entries)
                self._abort(describe_error(error, self.root))
        self.discard()

    def discard(self) -> None:
        """Delete the journal, then the staged files."""
        if self.folder.is_dir():
            self.path.unlink(missing_ok=True)
        with suppress(OSError):  # The next command deletes the remaining files.
            for name in ("draft", "*.before", "*.after"):
                for path in self.folder.glob(name):
                    path.unlink()
            self.folder.rmdir()

    def _find_missing_folders(self, entries: list[JournalEntry]) -> list[str]:
        """Return the folders that the change creates, parents first."""
        targets = [self.root / entry.path for entry in entries if entry.after is not None]
        folders = {folder for target in targets for folder in target.parents}
        missing = sorted(folder for folder in folders if not folder.exists())
        return [folder.relative_to(self.root).as_posix() for folder in missing]

    def _reject_edits(self, entries: list[JournalEntry]) -> None:
        """Reject files that were edited after the change was committed."""
        for path, before, after, _ in entries:
            if read_content(self.root / path) in (before, after):
                continue
            if not self._has_started(entries):
                self._abort(f"{path} was edited after the change was planned")
            raise CommandError(
                f"{path} was edited after a change was interrupted;"
                f" compare the files with git, then delete {FOLDER}"
            )

    def _stage_all(self, entries: list[JournalEntry]) -> None:
        """Stage all contents, old and new, so that no later step needs disk space."""
        try:
            for number, entry in enumerate(entries):
                self._stage(f"{number}.before", entry, entry.before)
                self._stage(f"{number}.after", entry, entry.after)
        except OSError as error:
            if self._has_started(entries):
                raise
            self._abort(describe_error(error, self.root))

    def _stage(self, name: str, entry: JournalEntry, content: bytes | None) -> None:
        if content is not None:
            path = self.folder / name
            write_and_sync(path, content)
            copy_owner(path, self.root / entry.path)
            if entry.mode is not None:
                path.chmod(entry.mode)

    def _apply(self, folders: list[str], entries: list[JournalEntry]) -> None:
        for number, entry in enumerate(entries):
            self._install(f"{number}.after", entry.path, entry.after)
        parents = {(self.root / entry.path).parent for entry in entries}
        for parent in {*parents, *(self.root / folder for folder in folders)}:
            sync_folder(parent)
        deleted = [self.root / entry.path for entry in entries if entry.after is None]
        for path in sorted(deleted, key=lambda path: len(path.parts), reverse=True):
            if path.name == "__init__.py":
                remove_empty_folder(path.parent)

    def _roll_back(self, folders: list[str], entries: list[JournalEntry]) -> None:
        for number, entry in enumerate(entries):
            self._install(f"{number}.before", entry.path, entry.before)
        for folder in reversed(folders):
            with suppress(OSError):
                (self.root / folder).rmdir()

    def _install(self, name: str, path: str, content: bytes | None) -> None:
        """Rename a staged file to its target, or delete the target."""
        target = self.root / path
        if read_content(target) == content:
            return
        if content is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).replace(target)

    def _has_started(self, entries: list[JournalEntry]) -> bool:
        return any(read_content(self.root / entry.path) == entry.after for entry in entries)

    def _abort(self, reason: str) -> NoReturn:
        self.discard()
        raise CommandError(f"{reason}, so nothing was changed")


def main(root: Path) -> None:
    """Wait until standard input is closed, then finish the journal and print any error."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdin.buffer.read()
    try:
        finish_journal(root)
    except CommandError as error:
        with suppress(OSError):  # The command that reads it may be killed.
            sys.stdout.buffer.write(str(error).encode())
            sys.stdout.buffer.flush()
        raise SystemExit(1) from None


def finish_journal(root: Path) -> None:
    """Finish the journal, if it exists, as soon as other processes release the lock."""
    journal = Journal(root)
    if not journal.folder.exists():
        return
    with lock_project(root, timeout_seconds=LOCK_TIMEOUT_SECONDS):
        try:
            journal.replay()
        except OSError as error:
            raise CommandError(
                f"{describe_error(error, root)}; the next command will try again"
            ) from None


def compute_digest(text: str) -> str:
    """Return the digest that detects a damaged journal."""
    return hashlib.sha256(text.encode()).hexdigest()


def encode_content(content: bytes | None) -> str | None:
    """Represent bytes as text in Latin-1, which maps every byte to one character."""
    return None if content is None else content.decode("latin-1")


def decode_content(text: str | None) -> bytes | None:
    """Decode the result of `encode_content`."""
    return None if text is None else text.encode("latin-1")
