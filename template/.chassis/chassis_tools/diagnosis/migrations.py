"""Whether the models, the migrations and the database say the same."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL

from app.settings import Settings, get_settings

from chassis_tools.diagnosis.examination import Finding, Subject
from chassis_tools.diagnosis.registrations import read_modules, unregistered_models
from chassis_tools.scaffolding.project import Project
from manage.connection import run_on_connection
from manage.database import find_pending_migrations, find_unknown_migrations, get_migration_url
from manage.errors import CommandError
from manage.migrations.history import get_heads, get_revisions

LOCAL = Path(".postgres", "data")


def examine(subject: Subject) -> Iterator[Finding]:
    """Lines that fork, migrations that are not applied, and models that differ from the tables."""
    yield from forks()
    if settings_in_use().has_local_server and not (subject.root / LOCAL).is_dir():
        yield Finding(
            "note",
            "The local database was never started, so it has no migrations yet",
            "start it by `manage run`, which applies them",
        )
        return
    url = get_migration_url()
    disagreements = list(steps(url))
    yield from disagreements or differences(subject.root, url)


def forks() -> Iterator[Finding]:
    """The lines that have more than one last revision, as after a merge of two branches."""
    heads = defaultdict(list)
    for name in sorted(get_heads()):
        heads[get_revisions()[name].history].append(name)
    for line, names in heads.items():
        if len(names) > 1:
            yield Finding(
                "error",
                f"The migrations of the line {line} end in {' and in '.join(names)}",
                f"join them by `uv run alembic merge -m merge {' '.join(names)}`",
            )


def settings_in_use() -> Settings:
    """The settings, unless the service would refuse to start with them."""
    try:
        return get_settings()
    except SystemExit:
        raise CommandError("the settings are refused (see below)") from None


def steps(url: URL) -> Iterator[Finding]:
    """The migrations that the disk has and the database has not, and the other way round."""
    if pending := find_pending_migrations(url):
        yield Finding(
            "warning",
            f"The database lacks {', '.join(pending)}",
            "apply what is pending by `manage migrate apply`",
        )
    if unknown := find_unknown_migrations(url):
        yield Finding(
            "warning",
            f"The database has {', '.join(unknown)}, of a newer release or another branch",
            "check that out, or roll back there by `manage migrate rollback`",
        )


def differences(root: Path, url: URL) -> Iterator[Finding]:
    """The tables that a new migration would change."""
    registry = Project(root).registry("models")
    if any(unregistered_models(read_modules(root), registry)):
        raise CommandError(f"{registry} lacks models (see above), whose tables it would drop")
    try:
        from chassis_tools.diagnosis.difference import differing_tables
    except ModuleNotFoundError as error:
        raise CommandError(f"{error.name} is not installed: run `uv sync` first") from error
    if tables := run_on_connection(url, differing_tables):
        yield Finding(
            "error",
            f"The models differ from the database in {', '.join(tables)}",
            "write the migration by `manage migrate create -m …`",
        )
