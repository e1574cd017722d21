"""Changes of files, made all together or not at all, whatever happens to the command."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from manage.errors import CommandError
from manage.scaffolding.disk import read_content, reason
from manage.scaffolding.history import Migrations, refuse_other_migrations
from manage.scaffolding.journal import PERMISSIONS, Entry, Journal
from manage.scaffolding.locks import held
from manage.scaffolding.targets import locate, refuse_clashes, refuse_closed, refuse_edited

PACKAGES = Path(__file__).resolve().parents[2]
SCRIPT = """\
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from manage.scaffolding.finisher import main
main(Path(sys.argv[2]))
"""
# Isolated and without site-packages, Python starts in a third of the time.
START = ("-I", "-S", "-c", SCRIPT)
if sys.platform == "win32":
    DETACHED = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    DETACHED = 0
INTERRUPTED = "The change was interrupted; the next command completes it"


@dataclass(frozen=True)
class Change:
    """A file of the project, its content before and after; None where it is absent."""

    path: Path
    before: bytes | None
    after: bytes | None

    def __str__(self) -> str:
        if self.before is None:
            return f"create {self.path.as_posix()}"
        return f"{'delete' if self.after is None else 'change'} {self.path.as_posix()}"

    def diff(self) -> str:
        """The change as a patch."""
        import difflib  # It imports slowly, and few commands show a patch.

        name = self.path.as_posix()
        old = "/dev/null" if self.before is None else f"a/{name}"
        new = "/dev/null" if self.after is None else f"b/{name}"
        try:
            before, after = lines(self.before), lines(self.after)
        except UnicodeDecodeError:
            return f"Binary files {old} and {new} differ\n"
        patch = difflib.unified_diff(before, after, old, new)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in patch
        )


class ChangeSet:
    """Changes that belong together; those that change nothing are left out.

    They are made only where the migrations are still the ones that they were planned from.
    """

    def __init__(self, changes: Iterable[Change], migrations: Migrations | None = None) -> None:
        made = [change for change in changes if change.before != change.after]
        refuse_clashes(change.path for change in made)
        self.changes = sorted(made, key=lambda change: change.path)
        self.migrations = migrations

    def tree(self) -> str:
        """What will happen, a line for each file."""
        return "\n".join(map(str, self.changes))

    def diff(self) -> str:
        """Every change as one patch."""
        return "".join(change.diff() for change in self.changes)

    def apply(self, root: Path, *, first: Callable[[], None] | None = None) -> None:
        """Make all changes, or none and say why.

        `first` is called when nothing but its own failure keeps them from being made.
        """
        if not self.changes:
            return
        root = root.resolve()
        with standby(root) as finish:
            with held(root):
                self._decide(Journal(root), first)
            finish()
        # A later command may have changed some of the files again, though not all.
        if all(read_content(root / change.path) != change.after for change in self.changes):
            raise CommandError("Another command undid the change; try again")

    def _decide(self, journal: Journal, first: Callable[[], None] | None = None) -> None:
        journal.refuse_links()
        if journal.path.exists():
            raise CommandError("Another command's change comes first; try again")
        try:
            if self.migrations is not None:
                refuse_other_migrations(journal.root, self.migrations)
            entries = [self._entry(journal.root, change) for change in self.changes]
            refuse_clashes(Path(entry.path) for entry in entries)
            journal.write(entries)
            if first:
                first()
            journal.decide()
        except BaseException as error:
            journal.discard()
            if isinstance(error, OSError):
                why = reason(error, journal.root)
                raise CommandError(f"{why}, so nothing was changed") from None
            raise

    def _entry(self, root: Path, change: Change) -> Entry:
        target = locate(root, change.path)
        refuse_edited(change.path, target, change.before)
        refuse_closed(change.path, target)
        if change.after is None and (root / change.path).is_symlink():
            raise CommandError(f"{change.path.as_posix()} is a link")
        mode = None if change.before is None else target.stat().st_mode & PERMISSIONS
        return Entry(target.relative_to(root).as_posix(), change.before, change.after, mode)


def finish_interrupted(root: Path) -> None:
    """Complete or undo what a command left that was killed."""
    root = root.resolve()
    journal = Journal(root)
    journal.refuse_links()
    if journal.folder.exists():
        with held(root):
            pass  # Nobody is at it.
        with standby(root) as finish:
            finish()


@contextmanager
def standby(root: Path) -> Iterator[Callable[[], None]]:
    """A process that finishes the journal when it is called or when this process ends."""
    process = subprocess.Popen(  # noqa: S603 (this very Python)
        [sys.executable, *START, str(PACKAGES), str(root)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=DETACHED,
    )

    def finish() -> None:
        output, _ = process.communicate()
        if process.returncode:
            raise CommandError(output.decode() or INTERRUPTED)

    with process:
        yield finish


def lines(content: bytes | None) -> list[str]:
    """The lines of a text as they end; a carriage return is no end of its own."""
    return io.StringIO((content or b"").decode(), newline="\n").readlines()
