"""Changes to the project's files, which are confirmed and applied together."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from app.core.paths import PROJECT_ROOT

from chassis_tools.scaffolding.file_operations import (
    describe_error,
    read_content,
    reject_changed_content,
    reject_conflicting_paths,
    reject_unwritable,
    resolve_path,
)
from chassis_tools.scaffolding.journal import PERMISSION_BITS, Journal, JournalEntry
from chassis_tools.scaffolding.lock import lock_project
from manage import errors
from manage.errors import CommandError

MIGRATION_SUFFIXES = {".py", ".sql"}
Migrations = Mapping[Path, bytes | None]
# The folders that contain the packages `chassis_tools` and `manage`.
IMPORT_PATHS = (Path(__file__).resolve().parents[2], Path(errors.__file__).resolve().parents[1])
RECOVERY_SCRIPT = """\
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from chassis_tools.scaffolding.journal import main
main(Path(sys.argv[1]))
"""
# Isolated mode without site-packages reduces the startup time to a third.
PYTHON_OPTIONS = ("-I", "-S", "-c", RECOVERY_SCRIPT)
if sys.platform == "win32":
    CREATION_FLAGS = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    CREATION_FLAGS = 0
INTERRUPTED = "The change was interrupted; run the command again to complete it"


@dataclass(frozen=True)
class Change:
    """A file of the project and its content before and after; None if the file is absent."""

    path: Path
    before: bytes | None
    after: bytes | None

    def __str__(self) -> str:
        if self.before is None:
            return f"create {self.path.as_posix()}"
        return f"{'delete' if self.after is None else 'change'} {self.path.as_posix()}"

    def format_diff(self) -> str:
        """Return the change as a unified diff."""
        import difflib  # Slow to import, and only dry runs need it.

        name = self.path.as_posix()
        old = "/dev/null" if self.before is None else f"a/{name}"
        new = "/dev/null" if self.after is None else f"b/{name}"
        try:
            before, after = split_lines(self.before), split_lines(self.after)
        except UnicodeDecodeError:
            return f"Binary files {old} and {new} differ\n"
        patch = difflib.unified_diff(before, after, old, new)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in patch
        )


class ChangeSet:
    """Changes that are applied together; changes without an effect are dropped.

    With `migrations`, they are applied only if no migration changed since the plan was made.
    """

    def __init__(self, changes: Iterable[Change], migrations: Migrations | None = None) -> None:
        effective = [change for change in changes if change.before != change.after]
        reject_conflicting_paths(change.path for change in effective)
        self.changes = sorted(effective, key=lambda change: change.path)
        self.migrations = migrations

    def format_summary(self) -> str:
        """Return one line for each changed file."""
        return "\n".join(map(str, self.changes))

    def format_diff(self) -> str:
        """Return all changes as a unified diff."""
        return "".join(change.format_diff() for change in self.changes)

    def apply(self, root: Path, *, before_commit: Callable[[], None] | None = None) -> None:
        """Apply all changes, or none of them; raise CommandError if none are applied.

        `before_commit` runs after every check has passed and the journal is written; if it raises,
        no file is changed.
        """
        if not self.changes:
            return
        root = root.resolve()
        # Start the process before the commit: it completes the change if this process is killed.
        with start_recovery(root) as finish:
            with lock_project(root):
                self._commit(Journal(root), before_commit)
            finish()
        # Another command may have changed some of these files since, but not all of them.
        if all(read_content(root / change.path) != change.after for change in self.changes):
            raise CommandError("Another command reverted the change; run the command again")

    def _commit(self, journal: Journal, before_commit: Callable[[], None] | None = None) -> None:
        journal.reject_links()
        if journal.path.exists():
            raise CommandError(
                "Another command's change is not complete yet; run the command again"
            )
        try:
            if self.migrations is not None:
                reject_changed_migrations(journal.root, self.migrations)
            entries = [self._build_entry(journal.root, change) for change in self.changes]
            reject_conflicting_paths(Path(entry.path) for entry in entries)
            journal.write(entries)
            if before_commit:
                before_commit()
            journal.commit()
        except BaseException as error:
            journal.discard()
            if isinstance(error, OSError):
                reason = describe_error(error, journal.root)
                raise CommandError(f"{reason}, so nothing was changed") from None
            raise

    def _build_entry(self, root: Path, change: Change) -> JournalEntry:
        target = resolve_path(root, change.path)
        reject_changed_content(change.path, target, change.before)
        reject_unwritable(change.path, target)
        if change.after is None and (root / change.path).is_symlink():
            raise CommandError(
                f"{change.path.as_posix()} is a symbolic link: delete it by hand, then run the"
                " command again"
            )
        mode = None if change.before is None else target.stat().st_mode & PERMISSION_BITS
        return JournalEntry(target.relative_to(root).as_posix(), change.before, change.after, mode)


def apply_changes(
    changes: ChangeSet,
    question: str,
    *,
    dry_run: bool,
    yes: bool,
    assume_yes: bool = True,
    before_commit: Callable[[], None] | None = None,
) -> bool:
    """Show the changes, ask for confirmation and apply them; return True if they were applied.

    `assume_yes` is the default answer.
    """
    is_confirmed = confirm_changes(
        changes, question, dry_run=dry_run, yes=yes, assume_yes=assume_yes
    )
    if is_confirmed:
        changes.apply(PROJECT_ROOT, before_commit=before_commit)
    return is_confirmed


def confirm_changes(
    changes: ChangeSet, question: str, *, dry_run: bool, yes: bool, assume_yes: bool = True
) -> bool:
    """Show the changes and return True if they are confirmed; False in a dry run."""
    typer.echo(changes.format_summary())
    if dry_run:
        typer.echo(changes.format_diff())
        return False
    if not yes and sys.stdin.isatty() and not typer.confirm(question, default=assume_yes):
        typer.echo("Nothing was changed.")
        return False
    return True


def finish_interrupted(root: Path) -> None:
    """Complete or roll back the change of a command that was killed."""
    root = root.resolve()
    journal = Journal(root)
    journal.reject_links()
    if journal.folder.exists():
        with lock_project(root):
            pass  # Raises if another command is changing the project.
        with start_recovery(root) as finish:
            finish()


def apply_new_migrations(changes: ChangeSet) -> bool:
    """Apply the new migrations to the local database; return True if they were applied.

    Only a running local database without other pending migrations is migrated.
    """
    paths = [change.path for change in changes.changes if change.path.parts[0] == "migrations"]
    if not paths or not (PROJECT_ROOT / ".postgres").exists():
        return False
    from app.settings import get_settings

    from manage.database import find_pending_migrations, get_migration_url
    from manage.migrations.history import get_revisions, read_revision
    from manage.migrations.tool import apply_migrations
    from manage.postgres import get_local_server

    if not (get_settings().has_local_server and get_local_server().is_running):
        return False
    get_revisions.cache_clear()  # The cache was filled before the migration was written.
    url = get_migration_url()
    if find_pending_migrations(url) != [read_revision(PROJECT_ROOT / path).name for path in paths]:
        return False
    try:
        apply_migrations(url)
    except CommandError as error:
        raise CommandError(
            f"The files were written, but the migration was not applied: {error}"
        ) from error
    return True


def read_migrations(root: Path) -> Migrations:
    """Return the content of every migration file by path."""
    paths = (root / "migrations").glob("*/*")
    return {
        path.relative_to(root): read_content(path)
        for path in paths
        if path.suffix in MIGRATION_SUFFIXES
    }


def reject_changed_migrations(root: Path, planned: Migrations) -> None:
    """Reject the changes if the migrations changed after the plan was made."""
    if read_migrations(root) != planned:
        raise CommandError("Another process changed the migrations; run the command again")


@contextmanager
def start_recovery(root: Path) -> Iterator[Callable[[], None]]:
    """Start a process that completes the journal when this process ends.

    The yielded function completes it at once, and raises CommandError on failure.
    """
    process = subprocess.Popen(  # noqa: S603 (runs this Python)
        [sys.executable, *PYTHON_OPTIONS, str(root), *map(str, IMPORT_PATHS)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=CREATION_FLAGS,
    )

    def finish() -> None:
        output, _ = process.communicate()
        if process.returncode:
            raise CommandError(output.decode() or INTERRUPTED)

    with process:
        yield finish


def split_lines(content: bytes | None) -> list[str]:
    """Split a text into lines at line feeds, and keep carriage returns."""
    return io.StringIO((content or b"").decode(), newline="\n").readlines()
