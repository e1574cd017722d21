"""`manage inspect --write`: resources for existing tables."""

import re
import shlex
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import typer
from sqlalchemy import URL, Connection

from app.core.paths import PROJECT_ROOT
from app.core.sql.errors import DATABASE_ERRORS

from chassis_tools import migration_files
from chassis_tools.adoption import unmodelled
from chassis_tools.adoption.baseline import Baseline
from chassis_tools.adoption.columns import attributes_of
from chassis_tools.adoption.resource import ExistingResource
from chassis_tools.adoption.suites import Suites
from chassis_tools.adoption.trial import find_rows
from chassis_tools.adoption.unmodelled import known_as
from chassis_tools.inspection.proposals import Proposal, propose, shown
from chassis_tools.inspection.reader import read_schema
from chassis_tools.inspection.tables import Schema
from chassis_tools.scaffolding.changes import (
    Change,
    ChangeSet,
    Migrations,
    confirm_changes,
    finish_interrupted,
    read_migrations,
)
from chassis_tools.scaffolding.making import add_packages, reject_existing
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import Project, find_role_file, get_module_name, next_version
from chassis_tools.scaffolding.registries import add_model, add_router
from chassis_tools.scaffolding.templates import (
    Record,
    RenderedFile,
    find_templates,
    format_files,
    get_record_path,
    render,
)
from manage.connection import run_on_connection
from manage.database import find_pending_migrations, read_applied_migrations
from manage.errors import CommandError, summarize_error
from manage.migrations.history import APPLIED, get_revisions


@dataclass(frozen=True)
class Writing:
    """The tables of a schema, and which of them were asked for."""

    project: Project
    schema: Schema
    proposals: Sequence[Proposal]
    url: URL
    migrations: Migrations

    @cached_property
    def version(self) -> str:
        """The version of the migration."""
        return next_version(self.project.root / "migrations" / "app")

    @cached_property
    def place(self) -> dict[str, str]:
        """Where the migration stands among the others."""
        return migration_files.build_baseline_variables(self.version)

    @cached_property
    def resources(self) -> list[ExistingResource]:
        """The resources of the tables that can be one."""
        adopted = [one for one in self.proposals if one.singular and one.plural]
        attributes = self._models_there() | {
            one.table.name: attributes_of(one.table) for one in adopted
        }
        sequences = [one.name for one in self.schema.objects if one.kind == "sequence"]
        return [
            ExistingResource(
                one.table, ResourceNames(str(one.singular), str(one.plural)), attributes, sequences
            )
            for one in adopted
        ]

    def _models_there(self) -> dict[str, dict[str, str]]:
        """The keys of the tables that have a model already."""
        there = unmodelled.modelled(self.project, self.schema.name)
        return {
            table.name: dict.fromkeys(table.key.columns, "id")
            for table in self.schema.tables
            if table.name in there and table.key and len(table.key.columns) == 1
        }

    @cached_property
    def baseline(self) -> Baseline:
        """The tables that the migration creates."""
        folder = self.project.root / "migrations" / "app"
        earlier = "".join(path.read_text("utf-8") for path in sorted(folder.glob("[0-9]*_*")))
        return Baseline(self.schema, [one.table.name for one in self.proposals], earlier)

    @cached_property
    def suites(self) -> Suites:
        """The tests of the resources, with values that the database finds fit."""
        ask = partial(find_rows, resources=self.resources, baseline=self.baseline)
        return Suites(self.project, self.resources, run_on_connection(self.url, ask))

    @property
    def untested(self) -> list[str]:
        """The resources whose tests make no rows."""
        rows = self.suites.rows
        return [one.names.singular for one in self.resources if one.table.name not in rows]

    def changes(self) -> ChangeSet:
        """All of it."""
        files = {one.names.singular: self._files(one) for one in self.resources}
        made = {path: text for each in files.values() for path, text in each.items()}
        path = f"migrations/app/{self.version}_create_existing_tables.{migration_files.SUFFIX}"
        migration = {
            path: RenderedFile(
                migration_files.write_baseline(self.baseline, self.place), "of the baseline"
            )
        }
        texts = add_packages(self.project, format_files(made | migration, self.project.root))
        changes = [Change(Path(path), None, text.encode()) for path, text in texts.items()]
        changes += [*self._records(texts, files), *self._registries(files)]
        return ChangeSet(changes, self.migrations)

    def _files(self, resource: ExistingResource) -> dict[str, RenderedFile]:
        """The texts by path."""
        context = resource.context()
        files = {
            template.target: RenderedFile(render(template, context), template.name)
            for template in find_templates(self.project.root / "scaffold", resource.names)
            if not (template.is_migration or template.target.startswith("tests/"))
        }
        files |= self.suites.files(resource)
        reject_existing(self.project, resource.names, files)
        return files

    def _records(
        self, texts: dict[str, str], files: dict[str, dict[str, RenderedFile]]
    ) -> list[Change]:
        records = []
        for resource in self.resources:
            names = resource.names
            own = {path: texts[path] for path in texts if belongs(path, files[names.singular])}
            command = ["manage", "inspect", "--write", "--table", resource.table.name]
            record = Record.from_files(shlex.join(command), names.plural, own)
            path = Path(get_record_path(names.singular))
            records.append(Change(path, None, record.to_json().encode()))
        return records

    def _registries(self, files: dict[str, dict[str, RenderedFile]]) -> list[Change]:
        models, routes = (self.project.registry(role) for role in ("models", "routes"))
        before = {path: self.project.read(path) for path in (models, routes)}
        after = dict(before)
        for names in (resource.names for resource in self.resources):
            made = files[names.singular]
            if path := find_role_file("models", names, made):
                module = get_module_name(path)
                after[models] = add_model(after[models], module=module, name=names.class_name)
            if path := find_role_file("routes", names, made):
                module = get_module_name(path)
                after[routes] = add_router(after[routes], module=module, name=names.plural)
        after[models] = unmodelled.registered(self.project, after[models])
        lists = [unmodelled.list_tables(self.project, self._existing())]
        changed = [
            Change(Path(path), before[path].encode(), after[path].encode()) for path in after
        ]
        return [*changed, *lists]

    def _existing(self) -> set[str]:
        schema = self.schema.name
        tables = {table.name for table in self.schema.tables if "view" not in table.kind}
        there = unmodelled.modelled(self.project, schema).keys() | set(APPLIED)
        existing = {unmodelled.known_as(schema, table) for table in tables - there}
        return existing | set(unmodelled.listed(self.project))


def belongs(path: str, own: Collection[str]) -> bool:
    """Whether it is one of the resource's own files, or makes a package of their folder."""
    folders = {Path(one).parent for one in own}
    return path in own or (path.endswith("/__init__.py") and Path(path).parent in folders)


OTHER_SCHEMA = re.compile(r'("[^"]+"|\w+)\.')
TENANCY = "app/core/tenancy/scope.py"
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
    reject_halves(writing)
    reject_foreign_types(writing)
    if not writing.proposals:
        typer.echo("Every table has a model already: nothing to do.")
        return
    changes = writing.changes()
    if not (yes or dry_run or sys.stdin.isatty()):
        raise CommandError(
            "This writes files and notes a migration in that database: add --yes, or --dry-run to"
            " see which"
        )
    if confirm_changes(changes, "Write these files?", dry_run=dry_run, yes=yes):
        carry_out(url, changes, writing.place)
        report(writing)


def refuse(project: Project, url: URL, schema: Schema) -> None:
    """Stop where resources could not work."""
    if (project.root / TENANCY).exists():
        raise CommandError(
            "Here every row belongs to a tenant, and those of existing tables to none:"
            " --write needs a project without multi-tenancy"
        )
    reject_clash(project, url, schema)
    reject_pending(url)


def reject_clash(project: Project, url: URL, schema: Schema) -> None:
    """Stop where the service would take a table that is there for its own."""
    models = unmodelled.modelled(project, schema.name)
    clashes = sorted(models.keys() & {table.name for table in schema.tables})
    if clashes and not run_on_connection(url, read_applied_migrations):
        raise CommandError(
            f"The service has a table {shown(clashes[0])} of its own: rename the one that is there,"
            " or move the tables to another schema and give that as --schema"
        )


def reject_pending(url: URL) -> None:
    """Stop where other migrations would come before the one that is marked as applied."""
    if missing := [
        name for name in find_pending_migrations(url) if get_revisions()[name].history == "app"
    ]:
        raise CommandError(
            f"The database lacks {', '.join(missing)}, which would come first: remove what they"
            " are for, or apply them there"
        )


def reject_halves(writing: Writing) -> None:
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


def reject_foreign_types(writing: Writing) -> None:
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
            f"The database takes no note of the migration: {summarize_error(error)}"
        ) from None


def write(connection: Connection, changes: ChangeSet, place: dict[str, str]) -> None:
    """The files are written only if the note is kept, and the other way round."""
    with connection.begin() as transaction:
        migration_files.stamp_baseline(connection, place)
        changes.apply(PROJECT_ROOT, before_commit=transaction.commit)


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
