"""The journal of a change: with it, the change happens, and without it, nothing has.

It appears and goes by one rename, so that a process that is killed leaves either all of it or none.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from manage.errors import CommandError
from manage.scaffolding.disk import (
    copy_owner,
    read_content,
    reason,
    remove_empty,
    sync_folder,
    write_through,
)
from manage.scaffolding.targets import locate

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

    def refuse_links(self) -> None:
        """Stop before something is written, or tidied up, where a link leads."""
        inside = self.folder.iterdir() if self.folder.is_dir() else ()
        if any(path.is_symlink() for path in (self.folder, *inside)):
            raise CommandError(f"{FOLDER} is a link or holds one: delete it, then try again")

    def finish(self) -> None:
        """Carry out the change, or undo it if that fails; without a journal, tidy up."""
        self.refuse_links()
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
