"""The test files of resources for existing tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from chassis_tools.adoption.resource import ExistingResource
from chassis_tools.adoption.rows import Parent, Row, select_creatable
from chassis_tools.scaffolding.literals import Import, format_imports
from chassis_tools.scaffolding.modules import get_module_name, get_module_path
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import Project, find_role_file, get_factory_module
from chassis_tools.scaffolding.templates import (
    EXISTING_FOLDER,
    RenderedFile,
    find_templates,
    render,
)

BASE_IMPORTS: list[Import] = [("typing", "Any"), ("uuid", "uuid4"), ("itertools", "count")]
LOCAL_NAMES = {"number", "payload", "store", "values"}
UNKNOWN_URLS = {"UUID": 'f"{URL}/{uuid4()}"', "int": 'f"{URL}/0"', "str": 'f"{URL}/unknown"'}


class Factory(NamedTuple):
    """The module of the function `make_<singular>`, which creates a row of a table."""

    singular: str
    factory: str


class ParentRow(NamedTuple):
    """A row to create first, as the templates use it."""

    name: str
    target: Factory


class Reference(NamedTuple):
    """The column that refers to a parent row."""

    name: str
    sample: str
    payload: str


@dataclass(frozen=True)
class ResourceTests:
    """The tests of a resource; without a sample row, they create and change no rows."""

    resource: ExistingResource
    row: Row | None
    factories: Mapping[str, Factory]

    def build_context(self) -> dict[str, Any]:
        """Return the variables of the tests' templates, in addition to the resource's."""
        row = self.row
        fields = [*row.fields, *map(self._build_reference, row.parents)] if row else []
        key_type = self.resource.key.column.type.python
        fixture = f"existing_{self.resource.names.singular}"
        return {
            "makes_rows": row is not None,
            "creatable": row is not None and row.can_be_sent,
            "parents": [self._build_parent_row(item) for item in row.parents] if row else [],
            "fields": fields,
            "changed": row.changes if row else [],
            "uses_counter": any("number" in field.sample for field in row.fields) if row else False,
            "unknown": UNKNOWN_URLS[key_type],
            "fixture": fixture,
            "fixture_in_path": f"{{{fixture}.id}}",
            "fixture_id": f"str({fixture}.id)" if key_type == "UUID" else f"{fixture}.id",
            "factory_imports": format_imports([*BASE_IMPORTS, *self._get_factory_imports()]),
            "tests_imports": format_imports(BASE_IMPORTS),
        }

    def _get_factory_imports(self) -> list[Import]:
        fields = self.row.fields if self.row else []
        return [item for field in fields for item in field.get_imports_for("factory")]

    def _build_parent_row(self, parent: Parent) -> ParentRow:
        return ParentRow(self._get_variable_name(parent), self.factories[parent.table])

    def _build_reference(self, parent: Parent) -> Reference:
        value = f"{self._get_variable_name(parent)}.{parent.target_attribute}"
        sent = f"str({value})" if parent.is_uuid else value
        return Reference(parent.attribute, value, sent)

    def _get_variable_name(self, parent: Parent) -> str:
        parents = self.row.parents if self.row else []
        singular = self.factories[parent.table].singular
        is_only = Counter(item.table for item in parents)[parent.table] == 1
        return singular if is_only and singular not in LOCAL_NAMES else f"{parent.attribute}_row"


@dataclass(frozen=True)
class TestSuites:
    """The tests of all resources that are written together."""

    project: Project
    resources: Sequence[ExistingResource]
    allowed_rows: Mapping[str, Row]
    """A row that satisfies the constraints, by table."""

    @cached_property
    def rows(self) -> dict[str, Row]:
        """The rows that tests can create."""
        return select_creatable(self.allowed_rows, set(self._existing_factories))

    @cached_property
    def factories(self) -> dict[str, Factory]:
        """The factories by table."""
        return self._existing_factories | {
            item.table.name: Factory(item.names.singular, self._get_factory_module(item.names))
            for item in self.resources
        }

    def render(self, resource: ExistingResource) -> dict[str, RenderedFile]:
        """Render the test files by path; without a sample row, omit the factory."""
        row = self.rows.get(resource.table.name)
        tests = ResourceTests(resource, row, self.factories)
        context = resource.build_context() | tests.build_context()
        factory = get_module_path(self._get_factory_module(resource.names))
        folder = self.project.root / "scaffold" / EXISTING_FOLDER
        return {
            template.target: RenderedFile(render(template, context), template.name)
            for template in find_templates(folder, resource.names)
            if row or template.target != factory
        }

    @cached_property
    def _existing_factories(self) -> dict[str, Factory]:
        schemas = {item.table.schema for item in self.resources}
        return {
            model.table: Factory(singular, get_factory_module(model.module))
            for model in self.project.models.values()
            if model.table and model.schema in schemas
            if (singular := self.project.find_factory_name(model))
        }

    def _get_factory_module(self, names: ResourceNames) -> str:
        templates = find_templates(self.project.root / "scaffold", names)
        path = find_role_file("models", names, [template.target for template in templates])
        return get_factory_module(get_module_name(path or ""))
