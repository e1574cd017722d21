"""What `manage inspect --write` writes: resources, and the migration that creates their tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.core.revisions import APPLIED
from manage.adoption import line, unmodelled
from manage.adoption.baseline import Baseline
from manage.adoption.naming import attributes_of
from manage.adoption.resource import ExistingResource
from manage.inspection.proposals import Proposal
from manage.inspection.tables import Schema
from manage.scaffolding.changes import Change, ChangeSet
from manage.scaffolding.formatting import Made, tidy
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
        there = {model.table for model in self.project.models.values()}
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

    def changes(self) -> ChangeSet:
        """All of it."""
        files = {one.names.singular: self._files(one) for one in self.resources}
        made = {path: text for each in files.values() for path, text in each.items()}
        path = f"migrations/app/{self.version}_create_existing_tables.{line.SUFFIX}"
        migration = {path: Made(line.write(self.baseline, self.place), "of the baseline")}
        texts = add_packages(self.project, tidy(made | migration, self.project.root))
        changes = [Change(Path(path), None, text.encode()) for path, text in texts.items()]
        return ChangeSet([*changes, *self._records(texts), *self._registries(files)])

    def _files(self, resource: ExistingResource) -> dict[str, Made]:
        """The texts by path, without tests: no values are known that the table's rules allow."""
        context = resource.context()
        files = {
            template.target: Made(render(template, context), template.name)
            for template in find_templates(self.project.root / "scaffold", resource.names)
            if not (template.is_migration or template.target.startswith("tests/"))
        }
        refuse_existing(self.project, resource.names, files)
        return files

    def _records(self, texts: dict[str, str]) -> list[Change]:
        records = []
        for resource in self.resources:
            names = resource.names
            own = {path: texts[path] for path in texts if belongs(path, names)}
            record = Record.of(
                f"manage inspect --write --table {resource.table.name}", names.plural, own
            )
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
        lists = []
        if without := self._unmodelled():
            after[models] = unmodelled.registered(self.project, after[models])
            lists.append(unmodelled.list_tables(self.project, without))
        changed = [
            Change(Path(path), before[path].encode(), after[path].encode()) for path in after
        ]
        return [*changed, *lists]

    def _unmodelled(self) -> set[str]:
        modelled = {resource.table.name for resource in self.resources}
        tables = {table.name for table in self.schema.tables if "view" not in table.kind}
        there = {model.table for model in self.project.models.values()} | set(APPLIED)
        return (tables | set(unmodelled.listed(self.project))) - modelled - there


def belongs(path: str, names: ResourceNames) -> bool:
    """Whether a file is the resource's own, in either layout."""
    return path.startswith(f"app/{names.plural}/") or (
        path.startswith("app/") and path.endswith(f"/{names.singular}.py")
    )
