"""The tests of an adopted resource."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from chassis_tools.adoption.resource import ExistingResource
from chassis_tools.adoption.rows import Parent, Row, ready
from chassis_tools.scaffolding.literals import Import, format_imports
from chassis_tools.scaffolding.names import ResourceNames, to_snake_case
from chassis_tools.scaffolding.project import (
    Model,
    Project,
    find_functions,
    find_role_file,
    get_factory_module,
    get_module_name,
    get_module_path,
    parse,
)
from chassis_tools.scaffolding.templates import (
    EXISTING_FOLDER,
    RenderedFile,
    find_templates,
    render,
)

ALWAYS: list[Import] = [("typing", "Any"), ("uuid", "uuid4"), ("itertools", "count")]
LOCALS = {"number", "payload", "store", "values"}
UNKNOWN = {"UUID": 'f"{URL}/{uuid4()}"', "int": 'f"{URL}/0"', "str": 'f"{URL}/unknown"'}


class Factory(NamedTuple):
    """The module with `make_…` that makes a row of a table for tests."""

    singular: str
    factory: str


class ParentRow(NamedTuple):
    """A row that is made first, as the templates see it."""

    name: str
    target: Factory


class Reference(NamedTuple):
    """The column that refers to it."""

    name: str
    sample: str
    payload: str


@dataclass(frozen=True)
class Testing:
    """The tests of a resource; without a row they only read."""

    resource: ExistingResource
    row: Row | None
    factories: Mapping[str, Factory]

    def context(self) -> dict[str, Any]:
        """What the templates may use, beside what those of the resource do."""
        row = self.row
        fields = [*row.fields, *map(self._reference, row.parents)] if row else []
        key_type = self.resource.key.column.type.python
        saved = f"existing_{self.resource.names.singular}"
        return {
            "makes_rows": row is not None,
            "creatable": row is not None and row.is_sent,
            "parents": [self._parent_row(one) for one in row.parents] if row else [],
            "fields": fields,
            "changed": row.changes if row else [],
            "counted": any("number" in field.sample for field in row.fields) if row else False,
            "unknown": UNKNOWN[key_type],
            "saved": saved,
            "saved_in_path": f"{{{saved}.id}}",
            "saved_id": f"str({saved}.id)" if key_type == "UUID" else f"{saved}.id",
            "factory_imports": format_imports([*ALWAYS, *self._imports()]),
            "tests_imports": format_imports(ALWAYS),
        }

    def _imports(self) -> list[Import]:
        fields = self.row.fields if self.row else []
        return [one for field in fields for one in field.imports("factory")]

    def _parent_row(self, parent: Parent) -> ParentRow:
        return ParentRow(self._name(parent), self.factories[parent.table])

    def _reference(self, parent: Parent) -> Reference:
        value = f"{self._name(parent)}.{parent.target_attribute}"
        sent = f"str({value})" if parent.is_uuid else value
        return Reference(parent.attribute, value, sent)

    def _name(self, parent: Parent) -> str:
        parents = self.row.parents if self.row else []
        singular = self.factories[parent.table].singular
        is_one = Counter(one.table for one in parents)[parent.table] == 1
        return singular if is_one and singular not in LOCALS else f"{parent.attribute}_row"


@dataclass(frozen=True)
class Suites:
    """The tests of all that is written at once."""

    project: Project
    resources: Sequence[ExistingResource]
    found: Mapping[str, Row]
    """By table, a row that its rules allow."""

    @cached_property
    def rows(self) -> dict[str, Row]:
        """Those of them that tests can make."""
        return ready(self.found, set(self._there))

    @cached_property
    def factories(self) -> dict[str, Factory]:
        """What makes rows, by table."""
        return self._there | {
            one.table.name: Factory(one.names.singular, self._module(one.names))
            for one in self.resources
        }

    def files(self, resource: ExistingResource) -> dict[str, RenderedFile]:
        """The texts by path; without a row there is no factory."""
        row = self.rows.get(resource.table.name)
        tests = Testing(resource, row, self.factories)
        context = resource.context() | tests.context()
        factory = get_module_path(self._module(resource.names))
        folder = self.project.root / "scaffold" / EXISTING_FOLDER
        return {
            template.target: RenderedFile(render(template, context), template.name)
            for template in find_templates(folder, resource.names)
            if row or template.target != factory
        }

    @cached_property
    def _there(self) -> dict[str, Factory]:
        schemas = {one.table.schema for one in self.resources}
        models = [one for one in self.project.models.values() if one.schema in schemas]
        return {model.table: factory_of(model) for model in models if self._has_factory(model)}

    def _has_factory(self, model: Model) -> bool:
        singular, module = factory_of(model)
        path = get_module_path(module)
        if not (self.project.root / path).is_file():
            return False
        return f"make_{singular}" in find_functions(parse(self.project.read(path), path))

    def _module(self, names: ResourceNames) -> str:
        templates = find_templates(self.project.root / "scaffold", names)
        path = find_role_file("models", names, [template.target for template in templates])
        return get_factory_module(get_module_name(path or ""))


def factory_of(model: Model) -> Factory:
    """What makes its rows, by the rules for names."""
    return Factory(to_snake_case(model.class_name), get_factory_module(model.module))
