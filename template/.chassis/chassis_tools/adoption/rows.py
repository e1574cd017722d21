"""Sample rows for the tests of resources for existing tables."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from chassis_tools.adoption.columns import LENGTH, ExistingColumn
from chassis_tools.adoption.resource import ExistingResource
from chassis_tools.inspection.tables import Check, Column, Table
from chassis_tools.scaffolding.fields import Field
from chassis_tools.scaffolding.kinds import Declaration, Kind, Samples
from chassis_tools.scaffolding.literals import literal
from chassis_tools.scaffolding.specifications import KINDS

KEY_TYPES = ("UUID", "int", "str")
LITERAL = re.compile(r"""'((?:[^']|'')*)'::|(?<![\w.'"])([0-9]+)\b(?!['"])""")
MAX_LENGTH = 255
MAX_PADDED = 60
# Field types for column types that have none of their own, by Python type.
SPECIFICATIONS = {"Decimal": "decimal:10:2"}
# Samples, as Python source, for columns that are not in the API.
SAMPLES = {"bytea": 'b"sample"', "tsvector": '"sample"'}


class Parent(NamedTuple):
    """A referenced row, which must be created first."""

    attribute: str
    table: str
    target_attribute: str
    is_uuid: bool


@dataclass(frozen=True)
class Row:
    """The fields and parents of a row, and the fields that may be changed."""

    fields: list[Field]
    parents: list[Parent]
    changes: list[Field]
    can_be_sent: bool
    """True if clients may send all of its fields."""


def list_candidates(resource: ExistingResource, simplified: Table) -> Iterator[Row]:
    """Yield rows that a table may accept; `simplified` is the table that the migration creates."""
    for from_checks in (False, True):
        if row := build_row(resource, simplified, from_checks=from_checks):
            yield row


def build_row(resource: ExistingResource, simplified: Table, *, from_checks: bool) -> Row | None:
    """Build a row of the required columns; None if that is impossible.

    `from_checks` takes values from literals in check constraints.
    """
    required = [existing for existing in resource.columns if is_required(existing, simplified)]
    parents: list[Parent] = []
    fields: list[Field] = []
    for existing in required:
        checks = simplified.checks if from_checks else ()
        if parent := find_parent(resource, existing, simplified):
            parents.append(parent)
        elif (
            has_foreign_key(simplified, existing)
            or (field := build_field(existing, simplified, checks)) is None
        ):
            return None
        else:
            fields.append(field)
    can_be_sent = all(existing.is_writable for existing in required)
    return Row(fields, parents, find_changes(resource), can_be_sent)


def is_required(existing: ExistingColumn, simplified: Table) -> bool:
    """Return True if an INSERT must set the column, or if its default refers to another row."""
    column = simplified.get_column(existing.column.name)
    if column.identity or column.generated or existing.is_serial:
        return False
    if has_foreign_key(simplified, existing):
        return not column.nullable
    return not (
        column.can_be_omitted or (existing.is_key and existing.column.type.python == "UUID")
    )


def has_foreign_key(table: Table, existing: ExistingColumn) -> bool:
    """Return True if the column is part of a foreign key."""
    return any(existing.column.name in key.columns for key in table.foreign_keys)


def find_parent(
    resource: ExistingResource, existing: ExistingColumn, simplified: Table
) -> Parent | None:
    """Return the row that a column refers to; None if its table has no model."""
    for key in simplified.get_foreign_keys(existing.column.name):
        attributes = resource.attributes.get(key.table, {})
        python = existing.column.type.python
        target = attributes.get(key.target_columns[0])
        if target and python in KEY_TYPES:
            return Parent(existing.attribute, key.table, target, python == "UUID")
    return None


def build_field(existing: ExistingColumn, table: Table, checks: tuple[Check, ...]) -> Field | None:
    """Build a column's field with a sample value; None if no sample fits."""
    kind = find_kind(existing.attribute, existing.column)
    if kind is None or existing.column.generated:
        return None
    if value := find_allowed_value(existing.column, kind, checks):
        kind = replace_sample(kind, value)
    is_unique = bool(kind.samples.unique) and existing.column.name in find_unique_columns(table)
    return Field(existing.attribute, kind, "", unique=is_unique)


def find_allowed_value(column: Column, kind: Kind, checks: tuple[Check, ...]) -> str | None:
    """Return the first literal in a check constraint of the column, or None."""
    is_text = kind.annotation == "str"
    if not (is_text or kind.annotation in ("int", "Decimal")):
        return None
    for check in checks:
        if re.search(rf"\b{re.escape(column.name)}\b", check.condition):
            for text, number in LITERAL.findall(check.condition):
                if value := text if is_text else number:
                    return literal(value.replace("''", "'")) if is_text else str(int(value))
    return None


def find_unique_columns(table: Table) -> set[str]:
    """Return the columns in keys, unique constraints and unique indexes."""
    indexes = [index.definition for index in table.indexes if index.unique]
    keys = [table.key] if table.key else []
    return {name for key in (*keys, *table.uniques) for name in key.columns} | {
        column.name
        for column in table.columns
        if any(re.search(rf"\b{re.escape(column.name)}\b", index) for index in indexes)
    }


def find_changes(resource: ExistingResource) -> list[Field]:
    """Return the fields that clients may change without creating another row."""
    unique = find_unique_columns(resource.table)
    fields = (
        build_field(existing, resource.table, ())
        for existing in resource.columns
        if existing.is_writable
        and not (
            existing.is_key
            or has_foreign_key(resource.table, existing)
            or existing.column.name in unique
        )
    )
    return [field for field in fields if field and field.is_changeable]


def select_creatable(rows: Mapping[str, Row], with_factory: set[str]) -> dict[str, Row]:
    """Return the rows whose parents can be created first; exclude circular references.

    `with_factory` has the tables that already have a factory.
    """
    creatable: dict[str, Row] = {}
    while ready := {
        table: row
        for table, row in rows.items()
        if table not in creatable
        and {parent.table for parent in row.parents} <= creatable.keys() | with_factory
    }:
        creatable |= ready
    return creatable


def find_kind(name: str, column: Column) -> Kind | None:
    """Return the kind of field whose samples fit the column, or None."""
    type_ = column.type
    if sample := SAMPLES.get(type_.sql):
        return Kind("Any", type_.sql, Samples(sample, sample, sample))
    if not type_.in_api or "[" in type_.sql:
        return None
    if type_.python.startswith("Literal["):
        return build_enum_kind(ast.literal_eval(type_.python.removeprefix("Literal")))
    if type_.python == "str":
        return build_text_kind(name, column)
    type_name, *arguments = (type_.field or SPECIFICATIONS.get(type_.python, "")).split(":")
    if type_name not in KINDS or "time with time zone" in type_.sql:
        return None
    kind = KINDS[type_name](Declaration("", name, arguments))
    return remove_time_zone(kind) if type_.sql.endswith("without time zone") else kind


def build_enum_kind(labels: list[str]) -> Kind:
    """Build a kind with the labels of an enum as samples."""
    first, last = literal(labels[0]), literal(labels[-1])
    return Kind("str", "text", Samples(first, first, last))


def build_text_kind(name: str, column: Column) -> Kind | None:
    """Build a kind for a text column; `char` gets full-length samples, because it is padded."""
    match = LENGTH.search(column.type.expression)
    length = int(match[1]) if match else MAX_LENGTH
    kind = KINDS["str"](Declaration("", name, [str(min(length, MAX_LENGTH))]))
    if "CHAR(" not in column.type.expression:
        return kind
    full, changed = (literal(letter * length) for letter in "xy")
    numbered = f"str(number).zfill({length})" if length > 1 else ""
    samples = Samples(full, full, changed, numbered)
    return replace(kind, samples=samples) if length <= MAX_PADDED else None


def remove_time_zone(kind: Kind) -> Kind:
    """Return the kind with samples that have no time zone."""
    aware = kind.samples
    samples = Samples(
        aware.factory.replace(", tzinfo=UTC", ""),
        aware.payload.replace("Z", ""),
        aware.change.replace("Z", ""),
        aware.unique.replace(", tzinfo=UTC", ""),
    )
    return replace(kind, samples=samples)


def replace_sample(kind: Kind, source: str) -> Kind:
    """Return the kind with another sample value."""
    created = f'Decimal("{source}")' if kind.annotation == "Decimal" else source
    sent = literal(source) if kind.annotation == "Decimal" else source
    return replace(kind, samples=Samples(created, sent, kind.samples.change))


def to_sql(source: str) -> str:
    """Convert a sample to text that PostgreSQL parses as any type."""
    value = ast.literal_eval(source)
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else json.dumps(value)
