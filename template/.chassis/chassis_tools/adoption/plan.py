"""The plan to write resources for existing tables."""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from sqlalchemy import URL

from chassis_tools import migration_files
from chassis_tools.adoption import unmapped_tables
from chassis_tools.adoption.baseline import Baseline
from chassis_tools.adoption.columns import derive_attributes
from chassis_tools.adoption.resource import ExistingResource
from chassis_tools.adoption.row_checks import find_rows
from chassis_tools.adoption.suites import TestSuites
from chassis_tools.inspection.proposals import Proposal
from chassis_tools.inspection.tables import Schema
from chassis_tools.scaffolding.changes import (
    Change,
    ChangeSet,
    Migrations,
)
from chassis_tools.scaffolding.creation import add_packages, reject_existing
from chassis_tools.scaffolding.modules import get_module_name
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import Project, find_role_file, next_version
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
from manage.migrations.history import APPLIED_QUERIES


@dataclass(frozen=True)
class Adoption:
    """The resources to write for the tables of a schema, with their migration and tests."""

    project: Project
    schema: Schema
    proposals: Sequence[Proposal]
    url: URL
    migrations: Migrations

    @cached_property
    def version(self) -> str:
        """The version of the migration that creates the tables."""
        return next_version(self.project.root / "migrations" / "app")

    @cached_property
    def revision_variables(self) -> dict[str, str]:
        """The migration's revision variables."""
        return migration_files.build_baseline_variables(self.version)

    @cached_property
    def resources(self) -> list[ExistingResource]:
        """The resources for the tables that can have one."""
        adopted = [item for item in self.proposals if item.singular and item.plural]
        attributes = self._get_model_keys() | {
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

    def _get_model_keys(self) -> dict[str, dict[str, str]]:
        """Return the key attributes of existing models, by table."""
        models = unmapped_tables.find_models(self.project, self.schema.name)
        return {
            table.name: dict.fromkeys(table.key.columns, "id")
            for table in self.schema.tables
            if table.name in models and table.key and len(table.key.columns) == 1
        }

    @cached_property
    def baseline(self) -> Baseline:
        """The migration that creates the tables."""
        folder = self.project.root / "migrations" / "app"
        existing_migrations = "".join(
            path.read_text("utf-8") for path in sorted(folder.glob("[0-9]*_*"))
        )
        return Baseline(
            self.schema, [item.table.name for item in self.proposals], existing_migrations
        )

    @cached_property
    def suites(self) -> TestSuites:
        """The tests of the resources, with values that the database accepts."""
        find_allowed_rows = partial(find_rows, resources=self.resources, baseline=self.baseline)
        return TestSuites(
            self.project, self.resources, run_on_connection(self.url, find_allowed_rows)
        )

    @property
    def resources_without_rows(self) -> list[str]:
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
                migration_files.write_baseline(self.baseline, self.revision_variables),
                "of the baseline",
            )
        }
        texts = add_packages(self.project, format_files(rendered | migration, self.project.root))
        changes = [Change(Path(path), None, text.encode()) for path, text in texts.items()]
        changes += [*self._build_records(texts, files), *self._build_registrations(files)]
        return ChangeSet(changes, self.migrations)

    def _render(self, resource: ExistingResource) -> dict[str, RenderedFile]:
        """Render the files of a resource by path."""
        context = resource.build_context()
        files = {
            template.target: RenderedFile(render(template, context), template.name)
            for template in find_templates(self.project.root / "scaffold", resource.names)
            if not (template.is_migration or template.target.startswith("tests/"))
        }
        files |= self.suites.render(resource)
        reject_existing(self.project, resource.names, files)
        return files

    def _build_records(
        self, texts: dict[str, str], files: dict[str, dict[str, RenderedFile]]
    ) -> list[Change]:
        """Build the record of each resource."""
        records = []
        for resource in self.resources:
            names = resource.names
            own = {path: texts[path] for path in texts if is_own_file(path, files[names.singular])}
            command = ["manage", "inspect", "--write", "--table", resource.table.name]
            record = Record.from_files(shlex.join(command), names.plural, own)
            path = Path(get_record_path(names.singular))
            records.append(Change(path, None, record.to_json().encode()))
        return records

    def _build_registrations(self, files: dict[str, dict[str, RenderedFile]]) -> list[Change]:
        """Register the models and routers, and list the tables without a model."""
        models, routes = (self.project.get_registry_path(role) for role in ("models", "routes"))
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
        after[models] = unmapped_tables.register(self.project, after[models])
        lists = [unmapped_tables.list_tables(self.project, self._find_existing_tables())]
        changed = [
            Change(Path(path), before[path].encode(), after[path].encode()) for path in after
        ]
        return [*changed, *lists]

    def _find_existing_tables(self) -> set[str]:
        """Return the keys of existing tables that have no model."""
        schema = self.schema.name
        tables = {table.name for table in self.schema.tables if "view" not in table.kind}
        managed = unmapped_tables.find_models(self.project, schema).keys() | set(APPLIED_QUERIES)
        existing = {unmapped_tables.get_table_key(schema, table) for table in tables - managed}
        return existing | set(unmapped_tables.read_tables(self.project))


def is_own_file(path: str, own: Collection[str]) -> bool:
    """Return True for a file of a resource, or the `__init__.py` of its folder."""
    folders = {Path(file).parent for file in own}
    return path in own or (path.endswith("/__init__.py") and Path(path).parent in folders)
