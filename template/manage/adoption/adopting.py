"""`manage inspect --write`: from the tables of a database to resources, all of it or nothing."""

import re
import sys
from collections.abc import Sequence
from functools import partial

import typer
from sqlalchemy import URL, Connection

from app.core.database_errors import DATABASE_ERRORS
from app.core.paths import PROJECT_ROOT
from app.core.revisions import APPLIED, revisions
from manage.adoption import line, unmodelled
from manage.adoption.unmodelled import known_as
from manage.adoption.writing import Writing
from manage.connection import run_on_connection
from manage.database import pending_migrations, read_applied
from manage.errors import CommandError, reason
from manage.inspection.output import shown
from manage.inspection.proposals import Proposal, propose
from manage.inspection.reader import read_schema
from manage.inspection.tables import Schema
from manage.scaffolding.changes import ChangeSet, finish_interrupted
from manage.scaffolding.dialogue import is_wanted
from manage.scaffolding.history import read_migrations
from manage.scaffolding.project import Project

OTHER_SCHEMA = re.compile(r'("[^"]+"|\w+)\.')
TENANCY = "app/core/tenancy.py"
UNTESTED = "Tests make no rows of {}: none was found that the tables' rules allow."


def adopt(url: URL, schema_name: str, tables: Sequence[str], *, dry_run: bool, yes: bool) -> None:
    """Show what would be written, ask, and write it."""
    finish_interrupted(PROJECT_ROOT)
    project, migrations = Project(PROJECT_ROOT), read_migrations(PROJECT_ROOT)
    if tables:
        read_schema(url, schema_name, tables)  # It refuses a table that is not there.
    schema = read_schema(url, schema_name)
    refuse(project, url, schema)
    writing = Writing(project, schema, chosen(project, schema, tables), url, migrations)
    refuse_halves(writing)
    refuse_foreign_types(writing)
    if not writing.proposals:
        typer.echo("Every table has a model already: nothing to do.")
        return
    changes = writing.changes()
    if not (yes or dry_run or sys.stdin.isatty()):
        raise CommandError(
            "This writes files and notes a migration in that database: add --yes, or --dry-run to"
            " see which"
        )
    if is_wanted(changes, "Write these files?", dry_run=dry_run, yes=yes):
        carry_out(url, changes, writing.place)
        report(writing)


def refuse(project: Project, url: URL, schema: Schema) -> None:
    """Stop where resources could not work."""
    if (project.root / TENANCY).exists():
        raise CommandError(
            "Here every row belongs to a tenant, and those of existing tables to none:"
            " --write needs a project without multi-tenancy"
        )
    refuse_clash(project, url, schema)
    refuse_pending(url)


def refuse_clash(project: Project, url: URL, schema: Schema) -> None:
    """Stop where the service would take a table that is there for its own."""
    models = unmodelled.modelled(project, schema.name)
    clashes = sorted(models.keys() & {table.name for table in schema.tables})
    if clashes and not run_on_connection(url, read_applied):
        raise CommandError(
            f"The service has a table {shown(clashes[0])} of its own: rename the one that is there,"
            " or move the tables to another schema and give that as --schema"
        )


def refuse_pending(url: URL) -> None:
    """Stop where other migrations would come before the one that is marked as applied."""
    if missing := [name for name in pending_migrations(url) if revisions()[name].line == "app"]:
        raise CommandError(
            f"The database lacks {', '.join(missing)}, which would come first: remove what they"
            " are for, or apply them there"
        )


def refuse_halves(writing: Writing) -> None:
    """Stop where a model that is there would have to learn of a reference."""
    new = {resource.table.name for resource in writing.resources}
    there = unmodelled.modelled(writing.project, writing.schema.name)
    for table in writing.schema.tables:
        targets = sorted(new & {key.table for key in table.foreign_keys})
        if table.name in there and targets:
            raise CommandError(
                f"The model {there[table.name]} was written without {shown(targets[0])}, to which it"
                " refers: remove it, and write both at once"
            )


def refuse_foreign_types(writing: Writing) -> None:
    """Stop where a new database would lack the type of a column."""
    for table in writing.baseline.tables:
        for column in table.columns:
            schema = OTHER_SCHEMA.match(column.type.sql)
            if schema and schema[1].strip('"') not in (writing.schema.name, "pg_catalog"):
                raise CommandError(
                    f"{shown(f'{table.name}.{column.name}')} is of a type of another schema,"
                    f" {shown(column.type.sql)}, and --write takes one schema: give --table others"
                )


def chosen(project: Project, schema: Schema, tables: Sequence[str]) -> list[Proposal]:
    """What was asked for, without the tables that have a model."""
    there = unmodelled.modelled(project, schema.name).keys() | set(APPLIED)
    found = [
        proposal
        for proposal in propose(schema)
        if proposal.table.name not in there and (not tables or proposal.table.name in tables)
    ]
    listed = unmodelled.listed(project)
    is_new = any(
        one.is_resource
        or not ("view" in one.table.kind or known_as(schema.name, one.table.name) in listed)
        for one in found
    )
    return found if is_new else []


def carry_out(url: URL, changes: ChangeSet, place: dict[str, str]) -> None:
    """Write the files, and have the database know that it has the tables."""
    try:
        run_on_connection(url, partial(write, changes=changes, place=place))
    except DATABASE_ERRORS as error:
        raise CommandError(
            f"The database takes no note of the migration: {reason(error)}"
        ) from None


def write(connection: Connection, changes: ChangeSet, place: dict[str, str]) -> None:
    """The files are written only if the note is kept, and the other way round."""
    with connection.begin() as transaction:
        line.stamp(connection, place)
        changes.apply(PROJECT_ROOT, first=transaction.commit)


def report(writing: Writing) -> None:
    """Say what was made, and what was not."""
    names = ", ".join(resource.names.singular for resource in writing.resources)
    typer.echo(f"Made {names or 'no resource'}.")
    for proposal in writing.proposals:
        if not proposal.is_resource:
            why = proposal.findings[0].reason
            typer.echo(shown(f"No resource: {proposal.table.name}, as {why}."))
    if untested := writing.untested:
        typer.echo(UNTESTED.format(", ".join(untested)))
    if left_out := writing.baseline.left_out:
        typer.echo(shown(f"New databases come without {', '.join(left_out)}."))
    typer.echo(
        "The database has the migration of its tables already; with DATABASE_URL set to it,"
        " `uv run manage migrate apply` adds the service's own."
    )
