"""Whether a migration may have been applied where this command cannot undo it."""

import subprocess
from pathlib import Path

from app.core.paths import PROJECT_ROOT
from app.core.revisions import expected_heads, read_revision
from manage.scaffolding.project import Project


def is_newest(project: Project, path: str) -> bool:
    """Whether no migration follows it."""
    return read_revision(project.root / path).name in expected_heads()


def is_shared(project: Project, path: str) -> bool:
    """Whether it is on a branch of a remote, or this project works on another database."""
    from app.settings import get_settings

    return bool(get_settings().database_url) or bool(
        git(project.root, "log", "--remotes", "--format=%H", "-1", "--", path)
    )


def is_applied_locally(project: Project, path: str) -> bool:
    """Whether the local database has it."""
    from manage.database import applied_migrations, database_url

    if not (PROJECT_ROOT / ".postgres" / "data").exists():
        return False
    return read_revision(project.root / path).name in applied_migrations(database_url(), "app")


def roll_back() -> None:
    """Undo the newest migration in the local database."""
    from manage.database import database_url
    from manage.migrations import roll_back_migrations

    roll_back_migrations(database_url(), line="app", steps=1, report=True)


def git(root: Path, *arguments: str) -> str:
    """What git says; nothing if there is no git here."""
    try:
        done = subprocess.run(  # noqa: S603 (a list of ours, no shell)
            ["git", *arguments],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
