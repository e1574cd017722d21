"""What the templates of tests see of a resource whose table is there."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from manage.adoption.resource import ExistingResource
from manage.adoption.rows import Parent, Row
from manage.scaffolding.snippets import Import, import_lines

ALWAYS: list[Import] = [("typing", "Any"), ("uuid", "uuid4"), ("itertools", "count")]
LOCALS = {"number", "payload", "store", "values"}
UNKNOWN = {"UUID": 'f"{URL}/{uuid4()}"', "int": 'f"{URL}/0"', "str": 'f"{URL}/unknown"'}


class Factory(NamedTuple):
    """The module with `make_…` that makes a row of a table for tests."""

    singular: str
    factory: str


class Made(NamedTuple):
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
        return {
            "makes_rows": row is not None,
            "creatable": row is not None and row.is_sent,
            "parents": [self._made(one) for one in row.parents] if row else [],
            "fields": fields,
            "changed": row.changes if row else [],
            "counted": any("number" in field.sample for field in row.fields) if row else False,
            "unknown": UNKNOWN[key_type],
            "made_id": "str(made.id)" if key_type == "UUID" else "made.id",
            "factory_imports": import_lines([*ALWAYS, *self._imports()]),
            "tests_imports": import_lines(ALWAYS),
        }

    def _imports(self) -> list[Import]:
        fields = self.row.fields if self.row else []
        return [one for field in fields for one in field.imports("factory")]

    def _made(self, parent: Parent) -> Made:
        return Made(self._name(parent), self.factories[parent.table])

    def _reference(self, parent: Parent) -> Reference:
        value = f"{self._name(parent)}.{parent.target_attribute}"
        sent = f"str({value})" if parent.is_uuid else value
        return Reference(parent.attribute, value, sent)

    def _name(self, parent: Parent) -> str:
        parents = self.row.parents if self.row else []
        singular = self.factories[parent.table].singular
        is_one = Counter(one.table for one in parents)[parent.table] == 1
        return singular if is_one and singular not in LOCALS else f"{parent.attribute}_row"
