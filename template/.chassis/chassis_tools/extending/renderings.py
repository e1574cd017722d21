"""The files of a resource as the templates render them, before and after fields are added."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from chassis_tools.extending.request import FieldRequest
from chassis_tools.scaffolding.creation import build_resource, render_files
from chassis_tools.scaffolding.fields import Field, Reference
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import Project
from chassis_tools.scaffolding.request import MakeRequest
from chassis_tools.scaffolding.resource import Resource
from chassis_tools.scaffolding.templates import (
    EXISTING_FOLDER,
    Record,
    RenderedFile,
    find_templates,
    format_files,
    get_record_path,
    render,
)
from manage.errors import CommandError

FACTORY = re.compile(r"^(?:async )?def make_", re.MULTILINE)
PAYLOAD = re.compile(r"^(?:async )?def payload\(", re.MULTILINE)


@dataclass(frozen=True)
class Renderings:
    """The two renderings; they differ in what the new fields need."""

    project: Project
    names: ResourceNames
    record: Record
    request: FieldRequest

    @property
    def is_for_existing_table(self) -> bool:
        """True if `manage inspect --write` made the resource."""
        return self.record.command.startswith("manage inspect ")

    @property
    def has_recorded_table(self) -> bool:
        """True if a recorded migration creates the table."""
        return not self.is_for_existing_table and self.first_request.migration

    @cached_property
    def first_request(self) -> MakeRequest:
        """The command that made the resource; of an existing table, one without its fields."""
        if self.is_for_existing_table:
            return MakeRequest(self.names.singular, plural=self.names.plural)
        try:
            return MakeRequest.parse(self.record.command)
        except ValueError:
            raise CommandError(
                f"{get_record_path(self.names.singular)} is not a valid record of a resource:"
                " restore it from git"
            ) from None

    @cached_property
    def second_request(self) -> MakeRequest:
        """The command that would have made the resource with the new fields."""
        first, request = self.first_request, self.request
        return replace(
            first,
            fields=[*first.fields, *request.fields],
            sorts=[*first.sorts, *request.sorts],
        )

    @cached_property
    def resource(self) -> Resource:
        """The resource with the new fields."""
        return build_resource(self.project, self.second_request, self.names)

    @property
    def new_columns(self) -> Sequence[Field | Reference]:
        """The new columns."""
        return self.resource.columns[-len(self.request.fields) :]

    @property
    def record_command(self) -> str:
        """The command to record: it makes the resource with all fields."""
        command = self.second_request.command
        return self.record.command if self.is_for_existing_table else command

    def render(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the files without and with the new fields, by path."""
        first = build_resource(self.project, self.first_request, self.names)
        return self._render(first), self._render(self.resource)

    def _render(self, resource: Resource) -> dict[str, str]:
        request = replace(self.first_request, migration=False)
        files = render_files(self.project, request, resource)
        if self.is_for_existing_table:
            app = {path: text for path, text in files.items() if not path.startswith("tests/")}
            return app | self._render_existing_tests(resource)
        return files

    def _render_existing_tests(self, resource: Resource) -> dict[str, str]:
        """Render the tests of an existing table, which create rows only if it has a sample row."""
        folder = self.project.root / "scaffold" / EXISTING_FOLDER
        templates = list(find_templates(folder, self.names))
        written = [
            self.project.read(item.target)
            for item in templates
            if (self.project.root / item.target).is_file()
        ]
        fixture = f"existing_{self.names.singular}"
        context: dict[str, Any] = resource.build_context() | {
            "makes_rows": any(FACTORY.search(text) for text in written),
            "creatable": any(PAYLOAD.search(text) for text in written),
            "unknown": "URL",
            "fixture": fixture,
            "fixture_in_path": f"{{{fixture}.id}}",
            "fixture_id": f"str({fixture}.id)",
        }
        files = {item.target: RenderedFile(render(item, context), item.name) for item in templates}
        return format_files(files, self.project.root)
