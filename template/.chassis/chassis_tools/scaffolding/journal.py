"""A write-ahead journal: a change with a complete journal is finished, one without is discarded.

The recovery process imports this module without site-packages: use the standard library only.
"""

import hashlib
import json
import os
import shutil
import signal
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from manage.errors import CommandError

FOLDER = ".manage"
PERMISSION_BITS = 0o777
LOCK_TIMEOUT_SECONDS = 60


class Entry(NamedTuple):
    """A file and its content before and after the change; None if the file is absent."""

    path: str
    before: bytes | None
    after: bytes | None
    mode: int | None


class Journal:
    """The write-ahead journal of a project, in the folder where a change is staged."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER
        self.path = self.folder / "journal"
        self._draft = self.folder / "draft"

    def write(self, entries: list[Entry]) -> None:
        """Write the draft of the journal, before the change is committed."""
        files = [
            (path, encode_content(old), encode_content(new), mode)
            for path, old, new, mode in entries
        ]
        body = json.dumps([self._missing_folders(entries), files])
        self.folder.mkdir(exist_ok=True)
        write_and_sync(self._draft, f"{compute_digest(body)}\n{body}".encode())

    def commit(self) -> None:
        """Commit the change: from now on, it will be completed."""
        self._draft.replace(self.path)
        sync_folder(self.folder)
        sync_folder(self.root)

    def read(self) -> tuple[list[str], list[Entry]]:
        """Return the folders to create and the files to change; all are in the project."""
        try:
            expected, _, body = self.path.read_text(encoding="utf-8").partition("\n")
            if compute_digest(body) != expected:
                raise ValueError(expected)
            folders, files = json.loads(body)
            entries = [
                Entry(path, decode_content(old), decode_content(new), mode)
                for path, old, new, mode in files
            ]
            self._check_paths(folders, entries)
        except (CommandError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            why = f" ({error})" if isinstance(error, CommandError) else ""
            raise CommandError(
                f"The journal in {FOLDER} is damaged{why}; compare the files with git, then"
                f" delete {FOLDER}"
            ) from None
        return folders, entries

    def _check_paths(self, folders: list[str], entries: list[Entry]) -> None:
        """Reject paths that leave the project: the digest does not prove who wrote the journal."""
        for path, _, _, mode in entries:
            if resolve_path(self.root, Path(path)) != self.root / path:
                raise CommandError(f"{path} is reached through a symbolic link")
            if mode is not None and not 0 <= mode <= PERMISSION_BITS:
                raise CommandError(f"{path} would have special permissions")
        parents = {folder.as_posix() for entry in entries for folder in Path(entry.path).parents}
        if not parents.issuperset(folders):
            raise CommandError("it creates folders for no file")

    def reject_links(self) -> None:
        """Reject links in the journal's folder, which could lead out of the project."""
        inside = self.folder.iterdir() if self.folder.is_dir() else ()
        if any(path.is_symlink() for path in (self.folder, *inside)):
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
        """Delete the journal first, then the staged files."""
        if self.folder.is_dir():
            self.path.unlink(missing_ok=True)
        with suppress(OSError):  # The next command deletes what remains.
            for name in ("draft", "*.before", "*.after"):
                for path in self.folder.glob(name):
                    path.unlink()
            self.folder.rmdir()

    def _missing_folders(self, entries: list[Entry]) -> list[str]:
        """Return the folders that the change creates, outermost first."""
        targets = [self.root / entry.path for entry in entries if entry.after is not None]
        folders = {folder for target in targets for folder in target.parents}
        missing = sorted(folder for folder in folders if not folder.exists())
        return [folder.relative_to(self.root).as_posix() for folder in missing]

    def _reject_edits(self, entries: list[Entry]) -> None:
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

    def _stage_all(self, entries: list[Entry]) -> None:
        """Stage all contents, old and new, so that no later step needs disk space."""
        try:
            for number, entry in enumerate(entries):
                self._stage(f"{number}.before", entry, entry.before)
                self._stage(f"{number}.after", entry, entry.after)
        except OSError as error:
            if self._has_started(entries):
                raise
            self._abort(describe_error(error, self.root))

    def _stage(self, name: str, entry: Entry, content: bytes | None) -> None:
        if content is not None:
            path = self.folder / name
            write_and_sync(path, content)
            copy_owner(path, self.root / entry.path)
            if entry.mode is not None:
                path.chmod(entry.mode)

    def _apply(self, folders: list[str], entries: list[Entry]) -> None:
        for number, entry in enumerate(entries):
            self._install(f"{number}.after", entry.path, entry.after)
        parents = {(self.root / entry.path).parent for entry in entries}
        for parent in {*parents, *(self.root / folder for folder in folders)}:
            sync_folder(parent)
        gone = [self.root / entry.path for entry in entries if entry.after is None]
        for path in sorted(gone, key=lambda path: len(path.parts), reverse=True):
            if path.name == "__init__.py":
                remove_empty_folder(path.parent)

    def _roll_back(self, folders: list[str], entries: list[Entry]) -> None:
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

    def _has_started(self, entries: list[Entry]) -> bool:
        return any(read_content(self.root / entry.path) == entry.after for entry in entries)

    def _abort(self, why: str) -> NoReturn:
        self.discard()
        raise CommandError(f"{why}, so nothing was changed")


def main(root: Path) -> None:
    """Wait until standard input ends, then finish the journal and print an error, if any."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdin.buffer.read()
    try:
        finish_journal(root)
    except CommandError as error:
        with suppress(OSError):  # The command may have been killed.
            sys.stdout.buffer.write(str(error).encode())
            sys.stdout.buffer.flush()
        raise SystemExit(1) from None


def finish_journal(root: Path) -> None:
    """Finish the journal, if there is one, after other processes release the lock."""
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


@contextmanager
def lock_project(root: Path, *, timeout_seconds: float = 0) -> Iterator[None]:
    """Hold the lock on the project's files; raise CommandError if another process holds it."""
    deadline = time.monotonic() + timeout_seconds
    file = open_lock(root)
    try:
        while not try_lock(file):
            if time.monotonic() >= deadline:
                raise CommandError(
                    "Another command is changing this project; run this command again later"
                )
            time.sleep(0.002)
        yield
    finally:
        os.close(file)


def read_content(path: Path) -> bytes | None:
    """Return the content of a file, or None if there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_and_sync(path: Path, content: bytes) -> None:
    """Write a file and flush it to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush renames in a folder to the disk, if the system supports it."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def copy_owner(path: Path, target: Path) -> None:
    """Give a file the owner of the file that it replaces, if this process may."""
    if sys.platform == "win32" or not target.exists():
        return
    status = target.stat()
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):
            os.chown(path, status.st_uid, status.st_gid)


def remove_empty_folder(folder: Path) -> None:
    """Remove a folder that contains nothing, or nothing but bytecode."""
    if not folder.exists():
        return
    names = os.listdir(folder)
    cache = folder / "__pycache__"
    if names == [cache.name] and all(path.suffix == ".pyc" for path in cache.iterdir()):
        shutil.rmtree(cache)
        names = []
    if not names:
        folder.rmdir()


def describe_error(error: OSError, root: Path) -> str:
    """Return a sentence about a failed change that names the project's file."""
    path = Path(os.fsdecode(error.filename2 or error.filename or root))
    is_known = path.is_relative_to(root) and path != root
    name = path.relative_to(root).as_posix() if is_known else "The change"
    return f"{name} could not be changed ({(error.strerror or str(error)).lower()})"


def reject_conflicting_paths(paths: Iterable[Path]) -> None:
    """Reject paths that are the same file on some systems, or a file and its own folder."""
    known: dict[str, Path] = {}
    for path in paths:
        if (other := known.setdefault(path.as_posix().casefold(), path)) is not path:
            raise CommandError(
                f"{path.as_posix()} and {other.as_posix()} are the same file on some systems"
            )
    for path in known.values():
        for parent in path.parents:
            if parent.as_posix().casefold() in known:
                raise CommandError(f"{parent.as_posix()} would be both a file and a folder")


def resolve_path(root: Path, path: Path) -> Path:
    """Return the file to change, with links resolved; reject a path that leaves the project."""
    name = path.as_posix()
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise CommandError(f"{name} is not a path in the project")
    reject_case_conflicts(root, path)
    target = (root / path).resolve()
    if not target.is_relative_to(root):
        raise CommandError(f"{name} is outside the project")
    if ".git" in target.relative_to(root).as_posix().casefold().split("/"):
        raise CommandError(f"{name} belongs to git")
    if (root / path).is_symlink() and not target.exists():
        raise CommandError(f"{name} is a broken symbolic link: delete it")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise CommandError(f"{name} is not a file")
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            raise CommandError(f"{parent.relative_to(root).as_posix()} is not a folder")
    return target


def reject_case_conflicts(root: Path, path: Path) -> None:
    """Reject a path that differs from an existing one only in case."""
    folder = root
    for part in path.parts:
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        for name in names:
            if part not in names and name.casefold() == part.casefold():
                existing = (folder / name).relative_to(root).as_posix()
                raise CommandError(
                    f"{path.as_posix()} differs from {existing} only in case: rename one of them"
                )
        folder /= part


def reject_changed_content(path: Path, target: Path, before: bytes | None) -> None:
    """Reject a file whose content is not the expected one."""
    now = read_content(target)
    if now == before:
        return
    if before is None:
        raise CommandError(f"{path.as_posix()} already exists")
    fate = "deleted" if now is None else "edited"
    raise CommandError(
        f"{path.as_posix()} was {fate} while the change was planned; run the command again"
    )


def reject_unwritable(path: Path, target: Path) -> None:
    """Reject a file in a folder without write permission."""
    folder = next(parent for parent in target.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CommandError(
            f"{path.as_posix()} could not be changed (no write permission in its folder), so"
            " nothing was changed"
        )


if sys.platform == "win32":
    import msvcrt
    import tempfile

    def open_lock(root: Path) -> int:
        """Open a lock file outside the project, as Windows cannot open folders."""
        name = hashlib.sha256(str(root).lower().encode()).hexdigest()
        path = Path(tempfile.gettempdir()) / f"{name}.lock"
        return os.open(path, os.O_RDWR | os.O_CREAT)

    def try_lock(file: int) -> bool:
        """Acquire the lock; return False if another process holds it."""
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def open_lock(root: Path) -> int:
        """Open the project's folder as the lock, so that no lock file is left."""
        return os.open(root, os.O_RDONLY)

    def try_lock(file: int) -> bool:
        """Acquire the lock; return False if another process holds it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def compute_digest(text: str) -> str:
    """Return the digest that detects a damaged journal."""
    return hashlib.sha256(text.encode()).hexdigest()


def encode_content(content: bytes | None) -> str | None:
    """Encode bytes as the characters with the same numbers."""
    return None if content is None else content.decode("latin-1")


def decode_content(text: str | None) -> bytes | None:
    """Decode the result of `encode_content`."""
    return None if text is None else text.encode("latin-1")
