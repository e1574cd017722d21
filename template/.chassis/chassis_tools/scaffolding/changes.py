"""Changes to the project's files, confirmed and written together."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from app.core.paths import PROJECT_ROOT

from chassis_tools.scaffolding.journal import (
    PERMISSIONS,
    Entry,
    Journal,
    held,
    locate,
    read_content,
    reason,
    reject_clashes,
    reject_closed,
    reject_edited,
)
from manage import errors
from manage.errors import CommandError

SUFFIXES = {".py", ".sql"}
Migrations = Mapping[Path, bytes | None]


def read_migrations(root: Path) -> Migrations:
    """All that are there, of every line."""
    paths = (root / "migrations").glob("*/*")
    return {path.relative_to(root): read_content(path) for path in paths if path.suffix in SUFFIXES}


def reject_other_migrations(root: Path, planned: Migrations) -> None:
    """Refuse a plan that another command, or someone by hand, has overtaken."""
    if read_migrations(root) != planned:
        raise CommandError("The migrations have changed in the meantime; try again")


# The tools, and the package `manage` of this project.
PACKAGES = (Path(__file__).resolve().parents[2], Path(errors.__file__).resolve().parents[1])
SCRIPT = """\
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from chassis_tools.scaffolding.journal import main
main(Path(sys.argv[1]))
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
        reject_clashes(change.path for change in made)
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
        journal.reject_links()
        if journal.path.exists():
            raise CommandError("Another command's change comes first; try again")
        try:
            if self.migrations is not None:
                reject_other_migrations(journal.root, self.migrations)
            entries = [self._entry(journal.root, change) for change in self.changes]
            reject_clashes(Path(entry.path) for entry in entries)
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
        reject_edited(change.path, target, change.before)
        reject_closed(change.path, target)
        if change.after is None and (root / change.path).is_symlink():
            raise CommandError(f"{change.path.as_posix()} is a link")
        mode = None if change.before is None else target.stat().st_mode & PERMISSIONS
        return Entry(target.relative_to(root).as_posix(), change.before, change.after, mode)


def finish_interrupted(root: Path) -> None:
    """Complete or undo what a command left that was killed."""
    root = root.resolve()
    journal = Journal(root)
    journal.reject_links()
    if journal.folder.exists():
        with held(root):
            pass  # Nobody is at it.
        with standby(root) as finish:
            finish()


@contextmanager
def standby(root: Path) -> Iterator[Callable[[], None]]:
    """A process that finishes the journal when it is called or when this process ends."""
    process = subprocess.Popen(  # noqa: S603 (this very Python)
        [sys.executable, *START, str(root), *map(str, PACKAGES)],
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


def carry_out(
    changes: ChangeSet,
    question: str,
    *,
    dry_run: bool,
    yes: bool,
    assume_yes: bool = True,
    first: Callable[[], None] | None = None,
) -> bool:
    """Show the changes and make them, unless the answer is no or it is only a rehearsal.

    `assume_yes` is what Enter alone means.
    """
    from app.core.paths import PROJECT_ROOT

    wanted = is_wanted(changes, question, dry_run=dry_run, yes=yes, assume_yes=assume_yes)
    if wanted:
        changes.apply(PROJECT_ROOT, first=first)
    return wanted


def is_wanted(
    changes: ChangeSet, question: str, *, dry_run: bool, yes: bool, assume_yes: bool = True
) -> bool:
    """Show the changes, and ask unless it is only a rehearsal."""
    typer.echo(changes.tree())
    if dry_run:
        typer.echo(changes.diff())
        return False
    if not yes and sys.stdin.isatty() and not typer.confirm(question, default=assume_yes):
        typer.echo("Nothing is changed.")
        return False
    return True


def apply_where_served(changes: ChangeSet) -> bool:
    """Apply what was written to the local database if that runs and lacks nothing else."""
    written = [change.path for change in changes.changes if change.path.parts[0] == "migrations"]
    if not written or not (PROJECT_ROOT / ".postgres").exists():
        return False
    from app.settings import get_settings

    from manage.database import find_pending_migrations, get_migration_url
    from manage.migrations.history import get_revisions, read_revision
    from manage.migrations.tool import apply_migrations
    from manage.postgres import get_local_server

    if not (get_settings().has_local_server and get_local_server().is_running):
        return False
    get_revisions.cache_clear()  # They were read before this one was written.
    url = get_migration_url()
    if find_pending_migrations(url) != [
        read_revision(PROJECT_ROOT / path).name for path in written
    ]:
        return False
    try:
        apply_migrations(url)
    except CommandError as error:
        raise CommandError(f"The files are written, but not their table: {error}") from error
    return True
