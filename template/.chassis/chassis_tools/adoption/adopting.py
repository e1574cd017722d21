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
from chassis_tools.adoption.columns import derive_attributes
from chassis_tools.adoption.resource import ExistingResource
from chassis_tools.adoption.suites import TestSuites
from chassis_tools.adoption.trial import find_rows
from chassis_tools.adoption.unmodelled import get_table_key
from chassis_tools.inspection.proposals import Proposal, propose, to_one_line
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
from manage.migrations.history import APPLIED_QUERIES, get_revisions

SCHEMA_PREFIX = re.compile(r'("[^"]+"|\w+)\.')
TENANCY_MODULE = "app/core/tenancy/scope.py"
NO_TEST_ROWS = "Tests create no rows of {}: no sample row satisfies the tables' constraints."


@dataclass(frozen=True)
class Adoption:
    """The resources to write for tables of a schema."""

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
        """The position of the migration among the others."""
        return migration_files.build_baseline_variables(self.version)

    @cached_property
    def resources(self) -> list[ExistingResource]:
        """The resources for tables that can have one."""
        adopted = [item for item in self.proposals if item.singular and item.plural]
        attributes = self._keys_of_models() | {
            item.table.name: derive_attributes(item.table) for item in adopted
        }
        sequences = [item.name for item in self.schema.objects if item.kind == "sequence"]
        return [
            ExistingResource(
                item.table,
                ResourceNames(str(item.singular), str(item.plural)),
                attributes,
                sequences,
            )
            for item in adopted
        ]

    def _keys_of_models(self) -> dict[str, dict[str, str]]:
        """Return the attributes of the keys of existing models, by table."""
        models = unmodelled.find_models(self.project, self.schema.name)
        return {
            table.name: dict.fromkeys(table.key.columns, "id")
            for table in self.schema.tables
            if table.name in models and table.key and len(table.key.columns) == 1
        }

    @cached_property
    def baseline(self) -> Baseline:
        """The migration that creates the tables."""
        folder = self.project.root / "migrations" / "app"
        earlier = "".join(path.read_text("utf-8") for path in sorted(folder.glob("[0-9]*_*")))
        return Baseline(self.schema, [item.table.name for item in self.proposals], earlier)

    @cached_property
    def suites(self) -> TestSuites:
        """The tests of the resources, with values that the database accepts."""
        find = partial(find_rows, resources=self.resources, baseline=self.baseline)
        return TestSuites(self.project, self.resources, run_on_connection(self.url, find))

    @property
    def without_rows(self) -> list[str]:
        """The resources whose tests create no rows."""
        rows = self.suites.rows
        return [item.names.singular for item in self.resources if item.table.name not in rows]

    def build_changes(self) -> ChangeSet:
        """Build the changes of all files."""
        files = {item.names.singular: self._render(item) for item in self.resources}
        rendered = {path: file for group in files.values() for path, file in group.items()}
        path = f"migrations/app/{self.version}_create_existing_tables.{migration_files.SUFFIX}"
        migration = {
            path: RenderedFile(
                migration_files.write_baseline(self.baseline, self.place), "of the baseline"
            )
        }
        texts = add_packages(self.project, format_files(rendered | migration, self.project.root))
        changes = [Change(Path(path), None, text.encode()) for path, text in texts.items()]
        changes += [*self._records(texts, files), *self._registries(files)]
        return ChangeSet(changes, self.migrations)

    def _render(self, resource: ExistingResource) -> dict[str, RenderedFile]:
        """Render the files of a resource by path."""
        context = resource.context()
        files = {
            template.target: RenderedFile(render(template, context), template.name)
            for template in find_templates(self.project.root / "scaffold", resource.names)
            if not (template.is_migration or template.target.startswith("tests/"))
        }
        files |= self.suites.render(resource)
        reject_existing(self.project, resource.names, files)
        return files

    def _records(
        self, texts: dict[str, str], files: dict[str, dict[str, RenderedFile]]
    ) -> list[Change]:
        records = []
        for resource in self.resources:
            names = resource.names
            own = {path: texts[path] for path in texts if is_own_file(path, files[names.singular])}
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
            rendered = files[names.singular]
            if path := find_role_file("models", names, rendered):
                module = get_module_name(path)
                after[models] = add_model(after[models], module=module, name=names.class_name)
            if path := find_role_file("routes", names, rendered):
                module = get_module_name(path)
                after[routes] = add_router(after[routes], module=module, name=names.plural)
        after[models] = unmodelled.register(self.project, after[models])
        lists = [unmodelled.list_tables(self.project, self._existing())]
        changed = [
            Change(Path(path), before[path].encode(), after[path].encode()) for path in after
        ]
        return [*changed, *lists]

    def _existing(self) -> set[str]:
        schema = self.schema.name
        tables = {table.name for table in self.schema.tables if "view" not in table.kind}
        managed = unmodelled.find_models(self.project, schema).keys() | set(APPLIED_QUERIES)
        existing = {unmodelled.get_table_key(schema, table) for table in tables - managed}
        return existing | set(unmodelled.read_tables(self.project))


def adopt(url: URL, schema_name: str, tables: Sequence[str], *, dry_run: bool, yes: bool) -> None:
    """Print the changes, ask for confirmation, and write them."""
    finish_interrupted(PROJECT_ROOT)
    project, migrations = Project(PROJECT_ROOT), read_migrations(PROJECT_ROOT)
    if tables:
        read_schema(url, schema_name, tables)  # Rejects a missing table.
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
        write_changes(url, changes, adoption.place)
        print_summary(adoption)


def reject_unsupported(project: Project, url: URL, schema: Schema) -> None:
    """Reject projects and databases in which the resources could not work."""
    if (project.root / TENANCY_MODULE).exists():
        raise CommandError(
            "Existing rows have no tenant, which multi-tenancy requires: use --write in a project"
            " without multi-tenancy"
        )
    reject_name_clash(project, url, schema)
    reject_pending(url)


def reject_name_clash(project: Project, url: URL, schema: Schema) -> None:
    """Reject a table with the same name as one of the service's."""
    models = unmodelled.find_models(project, schema.name)
    clashes = sorted(models.keys() & {table.name for table in schema.tables})
    if clashes and not run_on_connection(url, read_applied_migrations):
        raise CommandError(
            f"The service also has a table {to_one_line(clashes[0])}: rename the existing"
            " table, or move the tables to another schema and pass that as --schema"
        )


def reject_pending(url: URL) -> None:
    """Reject pending migrations, which would precede the one that is marked as applied."""
    if missing := [
        name for name in find_pending_migrations(url) if get_revisions()[name].history == "app"
    ]:
        raise CommandError(
            f"The database lacks the migrations {', '.join(missing)}, which come first: apply them"
            " there, or remove them and their resources"
        )


def reject_partial_references(adoption: Adoption) -> None:
    """Reject a new table to which the table of an existing model refers."""
    new = {resource.table.name for resource in adoption.resources}
    models = unmodelled.find_models(adoption.project, adoption.schema.name)
    for table in adoption.schema.tables:
        targets = sorted(new & {key.table for key in table.foreign_keys})
        if table.name in models and targets:
            raise CommandError(
                f"The model {models[table.name]} was written without {to_one_line(targets[0])}, to"
                " which its table refers: remove the resource, and write both together"
            )


def reject_foreign_types(adoption: Adoption) -> None:
    """Reject columns with a type of another schema, which a new database would lack."""
    for table in adoption.baseline.tables:
        for column in table.columns:
            schema = SCHEMA_PREFIX.match(column.type.sql)
            if schema and schema[1].strip('"') not in (adoption.schema.name, "pg_catalog"):
                raise CommandError(
                    f"{to_one_line(f'{table.name}.{column.name}')} has a type of another schema,"
                    f" {to_one_line(column.type.sql)}: select other tables with --table"
                )


def select_proposals(project: Project, schema: Schema, tables: Sequence[str]) -> list[Proposal]:
    """Return the proposals of the selected tables without a model."""
    managed = unmodelled.find_models(project, schema.name).keys() | set(APPLIED_QUERIES)
    proposals = [
        proposal
        for proposal in propose(schema)
        if proposal.table.name not in managed and (not tables or proposal.table.name in tables)
    ]
    listed = unmodelled.read_tables(project)
    is_new = any(
        proposal.is_resource
        or not (
            "view" in proposal.table.kind
            or get_table_key(schema.name, proposal.table.name) in listed
        )
        for proposal in proposals
    )
    return proposals if is_new else []


def write_changes(url: URL, changes: ChangeSet, place: dict[str, str]) -> None:
    """Write the files, and mark the migration as applied in the database."""
    try:
        run_on_connection(url, partial(write_in_transaction, changes=changes, place=place))
    except DATABASE_ERRORS as error:
        raise CommandError(
            f"The migration cannot be marked as applied: {summarize_error(error)}"
        ) from None


def write_in_transaction(connection: Connection, changes: ChangeSet, place: dict[str, str]) -> None:
    """Write the files and commit the mark, or do neither."""
    with connection.begin() as transaction:
        migration_files.stamp_baseline(connection, place)
        changes.apply(PROJECT_ROOT, before_commit=transaction.commit)


def print_summary(adoption: Adoption) -> None:
    """Print what was created and what was not."""
    names = ", ".join(resource.names.singular for resource in adoption.resources)
    typer.echo(f"Created {names or 'no resource'}.")
    for proposal in adoption.proposals:
        if not proposal.is_resource:
            finding = proposal.findings[0]
            typer.echo(to_one_line(f"No resource for {proposal.table.name}: {finding.reason}."))
    if names_without_rows := adoption.without_rows:
        typer.echo(NO_TEST_ROWS.format(", ".join(names_without_rows)))
    if omitted := adoption.baseline.omitted:
        typer.echo(to_one_line(f"The migration does not create {', '.join(omitted)}."))
    typer.echo(
        "The migration of the existing tables is marked as applied. Set DATABASE_URL to this"
        " database and run `uv run manage migrate apply` to create the service's own tables."
    )


def is_own_file(path: str, own: Collection[str]) -> bool:
    """Return True for a resource's file and for the `__init__.py` of its folders."""
    folders = {Path(file).parent for file in own}
    return path in own or (path.endswith("/__init__.py") and Path(path).parent in folders)
