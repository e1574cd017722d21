"""The plan to add fields to a resource."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from chassis_tools.extending.editing import EditPlan, build_record_change, edit_files
from chassis_tools.extending.renderings import Renderings
from chassis_tools.extending.request import FieldRequest
from chassis_tools.migration_files import SUFFIX, build_revision_variables, write_added_columns
from chassis_tools.scaffolding.changes import Change, ChangeSet, read_migrations
from chassis_tools.scaffolding.fields import Field
from chassis_tools.scaffolding.models import Model, find_classes
from chassis_tools.scaffolding.modules import find_module_path, get_dotted_name
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import Project, next_version
from chassis_tools.scaffolding.removal import find_applied_locally, is_shared
from chassis_tools.scaffolding.resource import Resource
from chassis_tools.scaffolding.templates import (
    Record,
    RenderedFile,
    compute_fingerprint,
    format_files,
    read_record,
)
from manage.errors import CommandError

MAX_TITLE_LENGTH = 60
LABELS = ("without the fields", "with them")


def plan_fields(project: Project, request: FieldRequest) -> EditPlan:
    """Plan the changes that add fields to a resource."""
    request.reject_incomplete()
    migrations = read_migrations(project.root)  # Read first: the plan depends on them.
    return Extension.find(project, request).build_plan(migrations)


@dataclass(frozen=True)
class Extension:
    """The addition of fields to a resource that `manage` made."""

    project: Project
    request: FieldRequest
    record: Record
    model: Model

    @classmethod
    def find(cls, project: Project, request: FieldRequest) -> "Extension":
        """Find the resource; raise CommandError if it has no record or no model."""
        name = request.resource
        record = read_record(project.root, name) if name.isidentifier() else None
        if record is None:
            suggestion = project.suggest_resource(name)
            advice = f"use {suggestion}" if suggestion else "correct the name"
            if suggestion == name:
                advice = "add the field to its code by hand"
            raise CommandError(f"There is no record of a resource {name!r}: {advice}")
        class_name = ResourceNames(name, record.plural).class_name
        model = project.models.get(class_name)
        if model is None:
            raise CommandError(
                f"The registry of models has no {class_name}: import it there, or add the field by"
                " hand"
            )
        extension = cls(project, request, record, model)
        extension.reject_existing()
        return extension

    @cached_property
    def renderings(self) -> Renderings:
        """The files without and with the new fields."""
        names = ResourceNames(self.request.resource, self.record.plural)
        return Renderings(self.project, names, self.record, self.request)

    def reject_existing(self) -> None:
        """Reject a field that the model has, and an index that needs a key with another name."""
        existing = read_attributes(self.project, self.model)
        if self.request.sorts and existing.get("id", "id") != "id":
            raise CommandError(
                f"--sort: the key of {self.model.class_name} is the column {existing['id']}, and the"
                " index of a sorted list needs a column id: add the field without --sort"
            )
        for specification in self.request.specifications:
            for name in (specification.name, specification.column):
                if name in existing or name in existing.values():
                    raise CommandError(
                        f"{self.model.class_name} in {self.model.module} already has {name}: choose"
                        " another name"
                    )

    def reject_required(self) -> None:
        """Reject a field without a value for existing rows, unless there are none."""
        required = [column for column in self.renderings.new_columns if column.required]
        if not required or self.is_table_empty():
            return
        column = required[0]
        has_default = isinstance(column, Field) and column.kind.default and not column.unique
        remedy = "add the flag optional or default=…" if has_default else "add the flag optional"
        raise CommandError(
            f"{column.name} is required, but existing rows of {self.table} have no value for it:"
            f" {remedy}; to require it later, fill the rows, change the model and the schemas, and"
            " run `manage migrate create`"
        )

    @property
    def table(self) -> str:
        """Name of the resource's table."""
        if self.model.table is None or self.model.schema != "public":
            raise CommandError(
                f"The migration cannot be written, because the table of {self.model.class_name} has"
                " a computed name or is in another schema: add --no-migration, then run"
                " `manage migrate create`"
            )
        return self.model.table

    def is_table_empty(self) -> bool:
        """Return True if the table is only in the local database, and has no rows there."""
        from sqlalchemy import literal, select, table

        from manage.connection import run_on_connection
        from manage.database import get_migration_url
        from manage.migrations.history import read_revision

        root = self.project.root
        paths = [path for path in sorted(self.record.files) if path.startswith("migrations/")]
        if not self.renderings.has_recorded_table or not paths:
            return False
        if not (root / paths[0]).is_file() or is_shared(self.project, paths[0]):
            return False
        if not find_applied_locally([read_revision(root / paths[0]).name]):
            return True
        query = select(literal(1)).select_from(table(self.table)).limit(1)
        row = run_on_connection(get_migration_url(), lambda connection: connection.scalar(query))
        return row is None

    def build_plan(self, migrations: Mapping[Path, bytes | None]) -> EditPlan:
        """Build the changes of all files, and the instructions for those not edited."""
        first, second = self.renderings.render()
        self.reject_required()
        edits = edit_files(self.project, self.record, first, second, LABELS)
        changes, hashes = [*edits.changes], {**edits.hashes}
        if self.request.migration:
            migration = self._build_migration()
            changes.append(migration)
            # `manage remove` keeps other tables, and thus the migrations that change them.
            if self.renderings.has_recorded_table:
                hashes[migration.path.as_posix()] = compute_fingerprint(migration.after or b"")
        command, name = self.renderings.record_command, self.request.resource
        record = Record(command, self.record.plural, hashes)
        changes.append(build_record_change(self.project, name, record))
        return EditPlan(ChangeSet(changes, migrations), edits.instructions)

    def _build_migration(self) -> Change:
        columns, version = self.renderings.new_columns, self._next_version()
        resource = self.renderings.resource
        added = Resource(resource.names, columns, soft_delete=resource.soft_delete)
        tenant = (self.project.root / "app/core/tenancy/scope.py").exists()
        table = replace(added.build_table(tenant=tenant), name=self.table)
        words = f"Add {self.request.words} to {resource.names.plural_words}"
        text = write_added_columns(words, table, columns, build_revision_variables())
        title = f"add_{'_'.join(self.request.columns)}_to_{resource.names.plural}"
        path = f"migrations/app/{version}_{title[:MAX_TITLE_LENGTH].rstrip('_')}.{SUFFIX}"
        files = format_files({path: RenderedFile(text, "of the migration")}, self.project.root)
        return Change(Path(path), None, files[path].encode())

    def _next_version(self) -> str:
        return next_version(self.project.root / "migrations" / "app")


def read_attributes(project: Project, model: Model) -> dict[str, str]:
    """Return the names of the columns by attribute, and other names in the body of a model."""
    path = find_module_path(project.root, model.module) or ""
    names: dict[str, str] = {}
    for _, definition in find_classes(project.root, path, set(), model.class_name):
        for node in definition.body:
            if isinstance(node, ast.AnnAssign | ast.Assign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    name = ast.unparse(target)
                    names[name] = read_column_name(node.value) or name
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names[node.name] = node.name
    return names


def read_column_name(value: ast.expr | None) -> str | None:
    """Return the name that `mapped_column` gives a column as its first argument, or None."""
    match value:
        case ast.Call(args=[ast.Constant(value=str(name)), *_], func=function):
            is_column = get_dotted_name(function).rpartition(".")[2] == "mapped_column"
            return name if is_column else None
    return None
