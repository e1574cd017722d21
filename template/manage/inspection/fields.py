"""The fields that columns would become, as `manage make` takes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from manage.inspection.naming import field_name
from manage.inspection.tables import Column, ForeignKey, Table
from manage.scaffolding.confidential import is_secret

# The singular and the key of each table that becomes a resource, by schema and name.
References = Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]
Access = Literal["read and write", "read only", "none"]

TIMESTAMPS = {"created_at", "updated_at"}
LITERAL = re.compile(r"'([\w.+-]+)'::[^()]+|(-?[\d.]+)|\((-[\d.]+)\)|(true|false)")
WITH_DEFAULT = {"bool", "int", "bigint", "float", "decimal", "str", "text", "enum"}


@dataclass(frozen=True)
class Field:
    """A field; without `spec` it cannot be given to `manage make`."""

    name: str
    column: str
    access: Access
    spec: str | None = None
    resource: str | None = None

    def renamed(self, name: str) -> "Field":
        """The same field by another name."""
        spec = self.spec and name + self.spec.removeprefix(self.name)
        return replace(self, name=name, spec=spec)


def field_of(table: Table, column: Column, references: References) -> Field:
    """The field that a column would become."""
    target = referred(table, column, references)
    is_key = table.key is not None and column.name in table.key.columns
    is_kept = column.name in TIMESTAMPS or (is_key and column.name == "id")
    name = field_name(column.name, is_reference=target is not None, is_kept=is_kept)
    if name is None:
        place = table.columns.index(column) + 1
        return Field(f"column_{place}", column.name, access_of(column))
    access = access_of(column)
    kind = f"ref:{target}" if target else column.type.field
    spec = None
    if kind and access == "read and write" and not is_key:
        spec = ",".join([f"{name}:{kind}", *flags(table, column, kind)])
    return Field(name, column.name, access, spec, target)


def access_of(column: Column) -> Access:
    """What the API lets its clients do with a column."""
    if not column.type.in_api or is_secret(column.name):
        return "none"
    if column.generated or column.identity or "nextval(" in (column.default or ""):
        return "read only"
    is_timestamp = column.name in TIMESTAMPS and column.type.python == "datetime"
    return "read only" if is_timestamp else "read and write"


def flags(table: Table, column: Column, kind: str) -> list[str]:
    """What a field says beside its type."""
    told = ["optional"] if column.nullable else []
    if (column.name,) in table.unique_columns():
        told.append("unique")
    elif kind[:4] != "ref:" and any(
        index.columns == (column.name,) and index.is_plain for index in table.indexes
    ):
        told.append("index")
    default = literal_default(column)
    if default is not None and kind.partition(":")[0] in WITH_DEFAULT:
        told.append(f"default={default}")
    return told


def literal_default(column: Column) -> str | None:
    """The default if it is a plain value that a shell leaves alone."""
    found = LITERAL.fullmatch(column.default or "")
    return next((value for value in found.groups() if value), None) if found else None


def referred(table: Table, column: Column, references: References) -> str | None:
    """The resource that a column refers to by its key."""
    for key in table.references(column.name):
        if refers(key, references):
            return references[key.schema, key.table][0]
    return None


def refers(key: ForeignKey, references: References) -> bool:
    """Whether a foreign key points to the key of a resource."""
    target = references.get((key.schema, key.table))
    return target is not None and target[1] == key.target_columns
