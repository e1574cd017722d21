"""The plan to add fields to a resource."""

import ast
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from chassis_tools.extending.merging import merge_module
from chassis_tools.extending.renderings import Renderings
from chassis_tools.extending.request import FieldRequest
from chassis_tools.migration_files import SUFFIX, build_revision_variables, write_added_columns
from chassis_tools.scaffolding.changes import Change, ChangeSet, read_migrations
from chassis_tools.scaffolding.fields import Field
from chassis_tools.scaffolding.models import Model, find_classes
from chassis_tools.scaffolding.modules import BYTE_ORDER_MARK, find_module_path, get_dotted_name
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import Project, next_version
from chassis_tools.scaffolding.removal import find_applied_locally, is_shared
from chassis_tools.scaffolding.resource import Resource
from chassis_tools.scaffolding.source import NotEditableError
from chassis_tools.scaffolding.templates import (
    Record,
    RenderedFile,
    compute_fingerprint,
    format_files,
    get_record_path,
    read_record,
)
from manage.errors import CommandError

MAX_TITLE_LENGTH = 60


@dataclass(frozen=True)
class FieldPlan:
    """The changes that add the fields, and those that are left to the user."""

    changes: ChangeSet
    instructions: Mapping[str, str]
    """What to change by hand, by path."""


def plan_fields(project: Project, request: FieldRequest) -> FieldPlan:
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

    def build_plan(self, migrations: Mapping[Path, bytes | None]) -> FieldPlan:
        """Build the changes of all files, and the instructions for those not edited."""
        first, second = self.renderings.render()
        self.reject_required()
        changes: list[Change] = []
        instructions: dict[str, str] = {}
        hashes = dict(self.record.files)
        for path, text in second.items():
            if text == first.get(path):
                continue
            try:
                before, after = self._edit(path, first[path], text)
            except NotEditableError as error:
                instructions[path] = format_instruction(str(error), first[path], text)
                continue
            changes.append(Change(Path(path), before.encode(), after.encode()))
            is_edited = compute_fingerprint(before.encode()) != self.record.files.get(path)
            hashes[path] = compute_fingerprint((text if is_edited else after).encode())
        if self.request.migration:
            migration = self._build_migration()
            changes.append(migration)
            # `manage remove` keeps other tables, and thus the migrations that change them.
            if self.renderings.has_recorded_table:
                hashes[migration.path.as_posix()] = compute_fingerprint(migration.after or b"")
        changes.append(self._build_record_change(hashes))
        return FieldPlan(ChangeSet(changes, migrations), instructions)

    def _edit(self, path: str, first: str, second: str) -> tuple[str, str]:
        """Return the text of a file before and after; raise NotEditableError if it is unclear."""
        if not (self.project.root / path).is_file():
            raise NotEditableError("it does not exist")
        before = self.project.read(path)
        text = before.replace("\r\n", "\n")
        has_carriage_returns = text != before and text.replace("\n", "\r\n") == before
        merged = self._merge(path, first, second, text if has_carriage_returns else before)
        return before, merged.replace("\n", "\r\n") if has_carriage_returns else merged

    def _merge(self, path: str, first: str, second: str, text: str) -> str:
        """Return the text of a file with the change between two renderings."""
        if text == first:
            return second
        if not path.endswith(".py"):
            raise NotEditableError("you edited it")
        source = text.removeprefix(BYTE_ORDER_MARK)
        merged = merge_module(first, second, source)
        if is_formatted(self.project, path, source):
            merged = format_module(self.project, path, merged)
        return text[: len(text) - len(source)] + merged

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

    def _build_record_change(self, hashes: Mapping[str, str]) -> Change:
        path = get_record_path(self.request.resource)
        files = {name: hashes[name] for name in sorted(hashes)}
        record = Record(self.renderings.record_command, self.record.plural, files)
        before = (self.project.root / path).read_bytes()
        return Change(Path(path), before, record.to_json().encode())


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


def is_formatted(project: Project, path: str, text: str) -> bool:
    """Return True if the project's formatter would not change a module."""
    return format_module(project, path, text) == text


def format_module(project: Project, path: str, text: str) -> str:
    """Return a module as the project's formatter writes it."""
    return format_files({path: RenderedFile(text, path)}, project.root)[path]


def format_instruction(reason: str, first: str, second: str) -> str:
    """Return the reason why a file must be edited by hand, and the lines to add."""
    patch = difflib.unified_diff(
        first.splitlines(), second.splitlines(), "without the fields", "with them", lineterm=""
    )
    return "\n".join([f"{reason[0].upper()}{reason[1:]}:", *patch])
