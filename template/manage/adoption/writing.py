"""What `manage inspect --write` writes: resources, and the migration that creates their tables."""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from sqlalchemy import URL

from app.core.revisions import APPLIED
from manage.adoption import line, unmodelled
from manage.adoption.baseline import Baseline
from manage.adoption.naming import attributes_of
from manage.adoption.resource import ExistingResource
from manage.adoption.suites import Suites
from manage.adoption.trial import find_rows
from manage.connection import run_on_connection
from manage.inspection.proposals import Proposal
from manage.inspection.tables import Schema
from manage.scaffolding.changes import Change, ChangeSet
from manage.scaffolding.formatting import Made, tidy
from manage.scaffolding.history import Migrations
from manage.scaffolding.making import add_packages, refuse_existing
from manage.scaffolding.names import ResourceNames
from manage.scaffolding.project import Project, module_name, place_of
from manage.scaffolding.records import Record, record_path
from manage.scaffolding.registries import add_model, add_router
from manage.scaffolding.templates import find_templates, render
from manage.scaffolding.versions import next_version


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
        return line.place_of(self.version)

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
        path = f"migrations/app/{self.version}_create_existing_tables.{line.SUFFIX}"
        migration = {path: Made(line.write(self.baseline, self.place), "of the baseline")}
        texts = add_packages(self.project, tidy(made | migration, self.project.root))
        changes = [Change(Path(path), None, text.encode()) for path, text in texts.items()]
        changes += [*self._records(texts, files), *self._registries(files)]
        return ChangeSet(changes, self.migrations)

    def _files(self, resource: ExistingResource) -> dict[str, Made]:
        """The texts by path."""
        context = resource.context()
        files = {
            template.target: Made(render(template, context), template.name)
            for template in find_templates(self.project.root / "scaffold", resource.names)
            if not (template.is_migration or template.target.startswith("tests/"))
        }
        files |= self.suites.files(resource)
        refuse_existing(self.project, resource.names, files)
        return files

    def _records(self, texts: dict[str, str], files: dict[str, dict[str, Made]]) -> list[Change]:
        records = []
        for resource in self.resources:
            names = resource.names
            own = {path: texts[path] for path in texts if belongs(path, files[names.singular])}
            command = ["manage", "inspect", "--write", "--table", resource.table.name]
            record = Record.of(shlex.join(command), names.plural, own)
            path = Path(record_path(names.singular))
            records.append(Change(path, None, record.as_text().encode()))
        return records

    def _registries(self, files: dict[str, dict[str, Made]]) -> list[Change]:
        models, routes = (self.project.registry(role) for role in ("models", "routes"))
        before = {path: self.project.read(path) for path in (models, routes)}
        after = dict(before)
        for names in (resource.names for resource in self.resources):
            made = files[names.singular]
            if path := place_of("models", names, made):
                module = module_name(path)
                after[models] = add_model(after[models], module=module, name=names.class_name)
            if path := place_of("routes", names, made):
                module = module_name(path)
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
