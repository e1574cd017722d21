"""`manage inspect --write`: resources for existing tables."""

import re
import sys
from collections.abc import Sequence
from functools import partial

import typer
from sqlalchemy import URL, Connection

from app.core.paths import PROJECT_ROOT
from app.core.sql.errors import DATABASE_ERRORS

from chassis_tools import migration_files
from chassis_tools.adoption import unmapped_tables
from chassis_tools.adoption.plan import Adoption
from chassis_tools.adoption.unmapped_tables import get_table_key
from chassis_tools.inspection.proposals import Proposal, propose, to_one_line
from chassis_tools.inspection.reader import read_schema
from chassis_tools.inspection.tables import Schema
from chassis_tools.scaffolding.changes import (
    ChangeSet,
    confirm_changes,
    finish_interrupted,
    read_migrations,
)
from chassis_tools.scaffolding.project import Project
from manage.connection import run_on_connection
from manage.database import find_pending_migrations, read_versions
from manage.errors import CommandError, summarize_error
from manage.migrations.history import APPLIED_QUERIES, get_revisions

SCHEMA_PREFIX = re.compile(r'("[^"]+"|\w+)\.')
TENANCY_MODULE = "app/core/tenancy/scope.py"
NO_TEST_ROWS = (
    "Tests create no rows of {}: no sample row satisfies the constraints, or a row that it"
    " refers to cannot be created first."
)


def adopt(url: URL, schema_name: str, tables: Sequence[str], *, dry_run: bool, yes: bool) -> None:
    """Write resources for existing tables, after the user confirms the changes."""
    finish_interrupted(PROJECT_ROOT)
    project, migrations = Project(PROJECT_ROOT), read_migrations(PROJECT_ROOT)
    if tables:
        read_schema(url, schema_name, tables)  # Reject a missing table.
    schema = read_schema(url, schema_name)
    reject_unsupported(project, url, schema)
    adoption = Adoption(project, schema, select_proposals(project, schema, tables), url, migrations)
    reject_partial_references(adoption)
    reject_foreign_types(adoption)
    if not adoption.proposals:
        typer.echo("Every table already has a model: nothing to do.")
        return
    changes = adoption.build_changes()
    if not (yes or dry_run or sys.stdin.isatty()):
        raise CommandError(
            "This writes files and marks a migration as applied in the database: add --yes, or"
            " --dry-run to see the changes"
        )
    if confirm_changes(changes, "Write these files?", dry_run=dry_run, yes=yes):
        write_changes(url, changes, adoption.revision_variables)
        print_summary(adoption)


def reject_unsupported(project: Project, url: URL, schema: Schema) -> None:
    """Reject a project with multi-tenancy, or a database in which the resources cannot work."""
    if (project.root / TENANCY_MODULE).exists():
        raise CommandError(
            "Existing rows have no tenant, which multi-tenancy requires: use --write in a project"
            " without multi-tenancy"
        )
    reject_name_clash(project, url, schema)
    reject_pending(url)


def reject_name_clash(project: Project, url: URL, schema: Schema) -> None:
    """Reject a table with the same name as one of the service's tables."""
    models = unmapped_tables.find_models(project, schema.name)
    clashes = sorted(models.keys() & {table.name for table in schema.tables})
    if clashes and not read_versions(url):
        raise CommandError(
            f"The service also has a table {to_one_line(clashes[0])}: rename the existing"
            " table, or move the tables to another schema and pass that as --schema"
        )


def reject_pending(url: URL) -> None:
    """Reject pending migrations, because the baseline is marked as applied after them."""
    if missing := [
        name for name in find_pending_migrations(url) if get_revisions()[name].history == "app"
    ]:
        raise CommandError(
            f"Migrations are pending ({', '.join(missing)}), and the baseline follows them: apply"
            " them first, or remove them and their resources"
        )


def reject_partial_references(adoption: Adoption) -> None:
    """Reject a new table that an existing model's table refers to."""
    new = {resource.table.name for resource in adoption.resources}
    models = unmapped_tables.find_models(adoption.project, adoption.schema.name)
    for table in adoption.schema.tables:
        targets = sorted(new & {key.table for key in table.foreign_keys})
        if table.name in models and targets:
            raise CommandError(
                f"The table of the model {models[table.name]} refers to {to_one_line(targets[0])},"
                f" which has no model yet: remove the resource of {models[table.name]}, then write"
                " both together"
            )


def reject_foreign_types(adoption: Adoption) -> None:
    """Reject columns with a type of another schema, which the migration does not create."""
    for table in adoption.baseline.tables:
        for column in table.columns:
            schema = SCHEMA_PREFIX.match(column.type.sql)
            if schema and schema[1].strip('"') not in (adoption.schema.name, "pg_catalog"):
                raise CommandError(
                    f"{to_one_line(f'{table.name}.{column.name}')} has a type of another schema,"
                    f" {to_one_line(column.type.sql)}: select other tables with --table"
                )


def select_proposals(project: Project, schema: Schema, tables: Sequence[str]) -> list[Proposal]:
    """Return the proposals for the selected tables that have no model."""
    managed = unmapped_tables.find_models(project, schema.name).keys() | set(APPLIED_QUERIES)
    proposals = [
        proposal
        for proposal in propose(schema)
        if proposal.table.name not in managed and (not tables or proposal.table.name in tables)
    ]
    listed = unmapped_tables.read_tables(project)
    is_new = any(
        proposal.is_resource
        or not (
            "view" in proposal.table.kind
            or get_table_key(schema.name, proposal.table.name) in listed
        )
        for proposal in proposals
    )
    return proposals if is_new else []


def write_changes(url: URL, changes: ChangeSet, variables: dict[str, str]) -> None:
    """Write the files and stamp the database with the migration."""
    try:
        run_on_connection(url, partial(write_in_transaction, changes=changes, variables=variables))
    except DATABASE_ERRORS as error:
        raise CommandError(
            f"The migration cannot be marked as applied: {summarize_error(error)}"
        ) from None


def write_in_transaction(
    connection: Connection, changes: ChangeSet, variables: dict[str, str]
) -> None:
    """Write the files and commit the stamp, or do neither."""
    with connection.begin() as transaction:
        migration_files.stamp_baseline(connection, variables)
        changes.apply(PROJECT_ROOT, before_commit=transaction.commit)


def print_summary(adoption: Adoption) -> None:
    """Print the created resources and the omitted tables and objects."""
    names = ", ".join(resource.names.singular for resource in adoption.resources)
    typer.echo(f"Created {names or 'no resource'}.")
    for proposal in adoption.proposals:
        if not proposal.is_resource:
            finding = proposal.findings[0]
            typer.echo(to_one_line(f"No resource for {proposal.table.name}: {finding.reason}."))
    if resources_without_rows := adoption.resources_without_rows:
        typer.echo(NO_TEST_ROWS.format(", ".join(resources_without_rows)))
    if omitted := adoption.baseline.omitted:
        typer.echo(to_one_line(f"The migration does not create {', '.join(omitted)}."))
    typer.echo(
        "The migration of the existing tables is marked as applied. Set DATABASE_URL to this"
        " database and run `uv run manage migrate apply` to create the service's own tables."
    )
