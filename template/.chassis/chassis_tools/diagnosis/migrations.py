"""Check that models, migrations and database agree."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL

from app.settings import Settings, get_settings

from chassis_tools.diagnosis.examination import Diagnosis, Finding
from chassis_tools.diagnosis.registrations import find_unregistered_models, read_modules
from chassis_tools.migration_files import DUPLICATE_REMEDY
from chassis_tools.scaffolding.modules import describe_missing_module
from chassis_tools.scaffolding.project import Project
from manage.connection import run_on_connection
from manage.database import find_pending_migrations, find_unknown_migrations, get_migration_url
from manage.errors import CommandError
from manage.migrations.history import FILES, HISTORIES, get_heads, get_revisions, read_revision

LOCAL_DATA = Path(".postgres", "data")


def check_migrations(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find duplicate, forked and unapplied migrations, and models that need a migration."""
    duplicates = list(find_duplicates(diagnosis.root))
    yield from duplicates
    if duplicates:
        return
    yield from find_forks()
    if load_settings().has_local_server and not (diagnosis.root / LOCAL_DATA).is_dir():
        yield Finding(
            "note",
            "The local database was never started, so it has no migrations yet",
            "start it with `manage run`, which applies them",
        )
        return
    url = get_migration_url()
    differences = list(compare_revisions(url))
    yield from differences or compare_models(diagnosis.root, url)


def find_duplicates(root: Path) -> Iterator[Finding]:
    """Find migrations with the same version or revision, for example after a merge in git."""
    paths = defaultdict(list)
    for path in sorted((root / "migrations").glob(f"*/{FILES}")):
        if path.parent.name in HISTORIES:
            paths[read_revision(path).name].append(path.relative_to(root).as_posix())
    for name, duplicates in paths.items():
        if len(duplicates) > 1:
            yield Finding(
                "error", f"{' and '.join(duplicates)} have the same name, {name}", DUPLICATE_REMEDY
            )


def find_forks() -> Iterator[Finding]:
    """Find histories with several heads, for example after a merge in git."""
    heads = defaultdict(list)
    for name in sorted(get_heads()):
        heads[get_revisions()[name].history].append(name)
    for history, names in heads.items():
        if len(names) > 1:
            yield Finding(
                "error",
                f"The {history} migrations have several heads: {', '.join(names)}",
                f"merge them with `uv run alembic merge -m merge {' '.join(names)}`",
            )


def load_settings() -> Settings:
    """Load the settings; raise CommandError if the service would reject them."""
    try:
        return get_settings()
    except SystemExit:
        raise CommandError("the settings are invalid (see below)") from None


def compare_revisions(url: URL) -> Iterator[Finding]:
    """Find migrations that only the project or only the database has."""
    if pending := find_pending_migrations(url):
        yield Finding(
            "warning",
            f"Migrations are pending: {', '.join(pending)}",
            "apply them with `manage migrate apply`",
        )
    if unknown := find_unknown_migrations(url):
        yield Finding(
            "warning",
            f"The database has migrations that this checkout does not: {', '.join(unknown)}",
            "check out the release or branch that has them, or roll them back there with"
            " `manage migrate rollback`",
        )


def compare_models(root: Path, url: URL) -> Iterator[Finding]:
    """Find tables that a new migration would change."""
    registry = Project(root).get_registry_path("models")
    if any(find_unregistered_models(read_modules(root), registry)):
        raise CommandError(
            f"{registry} does not import all models (see above), so a new migration would drop"
            " their tables"
        )
    try:
        from chassis_tools.diagnosis.difference import find_differing_tables
    except ModuleNotFoundError as error:
        raise CommandError(describe_missing_module(error)) from error
    if tables := run_on_connection(url, find_differing_tables):
        yield Finding(
            "error",
            f"The models and the database differ in: {', '.join(tables)}",
            "create the migration with `manage migrate create -m …`",
        )
