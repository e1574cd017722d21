"""A write-ahead journal: a change with a complete journal is finished, one without is discarded."""

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


def read_content(path: Path) -> bytes | None:
    """What the file holds; None where there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_through(path: Path, content: bytes) -> None:
    """Write a file that is on the disk when this returns."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring renames in the folder to the disk, on systems that let us."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def copy_owner(path: Path, target: Path) -> None:
    """Give the file to the owner of the one that it replaces, as root can."""
    if sys.platform == "win32" or not target.exists():
        return
    status = target.stat()
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):
            os.chown(path, status.st_uid, status.st_gid)


def remove_empty(folder: Path) -> None:
    """Remove a folder that holds no more than bytecode."""
    if not folder.exists():
        return
    names = os.listdir(folder)
    cache = folder / "__pycache__"
    if names == [cache.name] and all(path.suffix == ".pyc" for path in cache.iterdir()):
        shutil.rmtree(cache)
        names = []
    if not names:
        folder.rmdir()


def reason(error: OSError, root: Path) -> str:
    """What went wrong, with the project's file that it went wrong with."""
    path = Path(os.fsdecode(error.filename2 or error.filename or root))
    is_known = path.is_relative_to(root) and path != root
    name = path.relative_to(root).as_posix() if is_known else "The change"
    return f"{name} could not be changed ({(error.strerror or str(error)).lower()})"


def reject_clashes(paths: Iterable[Path]) -> None:
    """Refuse paths that are one file on some system, or a file and its folder."""
    known: dict[str, Path] = {}
    for path in paths:
        if (other := known.setdefault(path.as_posix().casefold(), path)) is not path:
            raise CommandError(f"{path.as_posix()} and {other.as_posix()} are the same file")
    for path in known.values():
        for parent in path.parents:
            if parent.as_posix().casefold() in known:
                raise CommandError(f"{parent.as_posix()} would be both a file and a folder")


def locate(root: Path, path: Path) -> Path:
    """The file to change, of which a link in the project may be the name."""
    name = path.as_posix()
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise CommandError(f"{name} is not a path in the project")
    reject_lookalikes(root, path)
    target = (root / path).resolve()
    if not target.is_relative_to(root):
        raise CommandError(f"{name} leads out of the project")
    if ".git" in target.relative_to(root).as_posix().casefold().split("/"):
        raise CommandError(f"{name} belongs to git")
    if (root / path).is_symlink() and not target.exists():
        raise CommandError(f"{name} is a link to nothing")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise CommandError(f"{name} is not a file")
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            raise CommandError(f"{parent.relative_to(root).as_posix()} is not a folder")
    return target


def reject_lookalikes(root: Path, path: Path) -> None:
    """Refuse a name that differs from an existing one in case only, which not all systems tell."""
    folder = root
    for part in path.parts:
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        for name in names:
            if part not in names and name.casefold() == part.casefold():
                there = (folder / name).relative_to(root).as_posix()
                raise CommandError(f"{path.as_posix()} differs from {there} in case only")
        folder /= part


def reject_edited(path: Path, target: Path, before: bytes | None) -> None:
    """Refuse a file that is not as it was when the change was made up."""
    now = read_content(target)
    if now == before:
        return
    if before is None:
        raise CommandError(f"{path.as_posix()} exists already")
    fate = "is gone" if now is None else "has changed"
    raise CommandError(f"{path.as_posix()} {fate} in the meantime; try again")


def reject_closed(path: Path, target: Path) -> None:
    """Refuse a file in a folder where nothing may be written."""
    folder = next(parent for parent in target.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CommandError(
            f"{path.as_posix()} could not be changed (its folder may not be written to), so"
            " nothing was changed"
        )


if sys.platform == "win32":
    import hashlib
    import msvcrt
    import tempfile

    def open_lock(root: Path) -> int:
        """Windows opens no folders, so that a file elsewhere stands for it."""
        name = hashlib.sha256(str(root).lower().encode()).hexdigest()
        path = Path(tempfile.gettempdir()) / f"{name}.lock"
        return os.open(path, os.O_RDWR | os.O_CREAT)

    def try_lock(file: int) -> bool:
        """Hold it alone, unless another process does."""
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def open_lock(root: Path) -> int:
        """The folder itself, so that the lock leaves no file."""
        return os.open(root, os.O_RDONLY)

    def try_lock(file: int) -> bool:
        """Hold it alone, unless another process does."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def held(root: Path, *, patience_seconds: float = 0) -> Iterator[None]:
    """Be the only process that changes the project's files."""
    deadline = time.monotonic() + patience_seconds
    file = open_lock(root)
    try:
        while not try_lock(file):
            if time.monotonic() >= deadline:
                raise CommandError("Another command is changing this project; try again after it")
            time.sleep(0.002)
        yield
    finally:
        os.close(file)


FOLDER = ".manage"
PERMISSIONS = 0o777


class Entry(NamedTuple):
    """A file, what it held and what it is to hold; None where it is absent."""

    path: str
    before: bytes | None
    after: bytes | None
    mode: int | None


class Journal:
    """The change that a project is in the midst of, in the folder where it is prepared."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER
        self.path = self.folder / "journal"
        self._draft = self.folder / "draft"

    def write(self, entries: list[Entry]) -> None:
        """Write down what happens once it is decided."""
        files = [(path, as_text(old), as_text(new), mode) for path, old, new, mode in entries]
        body = json.dumps([self._missing_folders(entries), files])
        self.folder.mkdir(exist_ok=True)
        write_through(self._draft, f"{digest(body)}\n{body}".encode())

    def decide(self) -> None:
        """Decide that the change happens."""
        self._draft.replace(self.path)
        sync_folder(self.folder)
        sync_folder(self.root)

    def read(self) -> tuple[list[str], list[Entry]]:
        """The folders to make and the files to change, which are all in the project."""
        try:
            expected, _, body = self.path.read_text(encoding="utf-8").partition("\n")
            if digest(body) != expected:
                raise ValueError(expected)
            folders, files = json.loads(body)
            entries = [
                Entry(path, as_bytes(old), as_bytes(new), mode) for path, old, new, mode in files
            ]
            self._check_places(folders, entries)
        except (CommandError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            why = f" ({error})" if isinstance(error, CommandError) else ""
            raise CommandError(
                f"The journal in {FOLDER} is damaged{why}; compare the files with git, then"
                f" delete {FOLDER}"
            ) from None
        return folders, entries

    def _check_places(self, folders: list[str], entries: list[Entry]) -> None:
        """Believe no journal that leads elsewhere: its digest does not say who wrote it."""
        for path, _, _, mode in entries:
            if locate(self.root, Path(path)) != self.root / path:
                raise CommandError(f"{path} leads through a link")
            if mode is not None and not 0 <= mode <= PERMISSIONS:
                raise CommandError(f"{path} would have special permissions")
        made = {folder.as_posix() for entry in entries for folder in Path(entry.path).parents}
        if not made.issuperset(folders):
            raise CommandError("it makes folders for no file")

    def reject_links(self) -> None:
        """Stop before something is written, or tidied up, where a link leads."""
        inside = self.folder.iterdir() if self.folder.is_dir() else ()
        if any(path.is_symlink() for path in (self.folder, *inside)):
            raise CommandError(f"{FOLDER} is a link or holds one: delete it, then try again")

    def finish(self) -> None:
        """Carry out the change, or undo it if that fails; without a journal, tidy up."""
        self.reject_links()
        if self.path.exists():
            folders, entries = self.read()
            self._check(entries)
            self._prepare(entries)
            try:
                self._carry_out(folders, entries)
            except OSError as error:
                self._undo(folders, entries)
                self._give_up(reason(error, self.root))
        self.discard()

    def discard(self) -> None:
        """Forget the change first, and then what was prepared for it."""
        if self.folder.is_dir():
            self.path.unlink(missing_ok=True)
        with suppress(OSError):  # What stays, the next command tidies up.
            for name in ("draft", "*.before", "*.after"):
                for path in self.folder.glob(name):
                    path.unlink()
            self.folder.rmdir()

    def _missing_folders(self, entries: list[Entry]) -> list[str]:
        """The folders that the change makes, from the outside in."""
        targets = [self.root / entry.path for entry in entries if entry.after is not None]
        folders = {folder for target in targets for folder in target.parents}
        missing = sorted(folder for folder in folders if not folder.exists())
        return [folder.relative_to(self.root).as_posix() for folder in missing]

    def _check(self, entries: list[Entry]) -> None:
        """Touch no file that someone has edited since."""
        for path, before, after, _ in entries:
            if read_content(self.root / path) in (before, after):
                continue
            if not self._has_begun(entries):
                self._give_up(f"{path} was edited meanwhile")
            raise CommandError(
                f"{path} was edited after a change was interrupted;"
                f" compare the files with git, then delete {FOLDER}"
            )

    def _prepare(self, entries: list[Entry]) -> None:
        """Write all contents, new and old, so that no later step needs space."""
        try:
            for number, entry in enumerate(entries):
                self._stage(f"{number}.before", entry, entry.before)
                self._stage(f"{number}.after", entry, entry.after)
        except OSError as error:
            if self._has_begun(entries):
                raise
            self._give_up(reason(error, self.root))

    def _stage(self, name: str, entry: Entry, content: bytes | None) -> None:
        if content is not None:
            path = self.folder / name
            write_through(path, content)
            copy_owner(path, self.root / entry.path)
            if entry.mode is not None:
                path.chmod(entry.mode)

    def _carry_out(self, folders: list[str], entries: list[Entry]) -> None:
        for number, entry in enumerate(entries):
            self._put(f"{number}.after", entry.path, entry.after)
        parents = {(self.root / entry.path).parent for entry in entries}
        for parent in {*parents, *(self.root / folder for folder in folders)}:
            sync_folder(parent)
        gone = [self.root / entry.path for entry in entries if entry.after is None]
        for path in sorted(gone, key=lambda path: len(path.parts), reverse=True):
            if path.name == "__init__.py":
                remove_empty(path.parent)

    def _undo(self, folders: list[str], entries: list[Entry]) -> None:
        for number, entry in enumerate(entries):
            self._put(f"{number}.before", entry.path, entry.before)
        for folder in reversed(folders):
            with suppress(OSError):
                (self.root / folder).rmdir()

    def _put(self, name: str, path: str, content: bytes | None) -> None:
        """Rename a prepared file into place, or delete the file."""
        target = self.root / path
        if read_content(target) == content:
            return
        if content is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).replace(target)

    def _has_begun(self, entries: list[Entry]) -> bool:
        return any(read_content(self.root / entry.path) == entry.after for entry in entries)

    def _give_up(self, why: str) -> NoReturn:
        self.discard()
        raise CommandError(f"{why}, so nothing was changed")


def digest(text: str) -> str:
    """What tells a whole journal from a damaged one."""
    return hashlib.sha256(text.encode()).hexdigest()


def as_text(content: bytes | None) -> str | None:
    """Bytes as the characters with their numbers."""
    return None if content is None else content.decode("latin-1")


def as_bytes(text: str | None) -> bytes | None:
    """What `as_text` was given."""
    return None if text is None else text.encode("latin-1")


PATIENCE_SECONDS = 60


def main(root: Path) -> None:
    """Wait, finish, and say in a sentence what went wrong."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdin.buffer.read()
    try:
        finish(root)
    except CommandError as error:
        with suppress(OSError):  # The command may be gone.
            sys.stdout.buffer.write(str(error).encode())
            sys.stdout.buffer.flush()
        raise SystemExit(1) from None


def finish(root: Path) -> None:
    """Finish the journal, if there is one, after whoever is at it."""
    journal = Journal(root)
    if not journal.folder.exists():
        return
    with held(root, patience_seconds=PATIENCE_SECONDS):
        try:
            journal.finish()
        except OSError as error:
            raise CommandError(f"{reason(error, root)}; the next command tries again") from None
