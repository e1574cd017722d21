"""Rows that tests can insert into an existing table."""

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

MAX_LENGTH = 255
MAX_PADDED = 60
# Types without a field.
SPECIFICATIONS = {"Decimal": "decimal:10:2"}
# What no client sends, but rows hold.
UNSENT = {"bytea": 'b"sample"', "tsvector": '"sample"'}


def kind_of(name: str, column: Column) -> Kind | None:
    """The kind of field whose samples the column takes, if there is one."""
    type_ = column.type
    if sample := UNSENT.get(type_.sql):
        return Kind("Any", type_.sql, Samples(sample, sample, sample))
    if not type_.in_api or "[" in type_.sql:
        return None
    if type_.python.startswith("Literal["):
        return labelled(ast.literal_eval(type_.python.removeprefix("Literal")))
    if type_.python == "str":
        return text_kind(name, column)
    type_name, *arguments = (type_.field or SPECIFICATIONS.get(type_.python, "")).split(":")
    if type_name not in KINDS or "time with time zone" in type_.sql:
        return None
    kind = KINDS[type_name](Declaration("", name, arguments))
    return without_zone(kind) if type_.sql.endswith("without time zone") else kind


def labelled(labels: list[str]) -> Kind:
    """One of the labels of an enumeration."""
    first, last = literal(labels[0]), literal(labels[-1])
    return Kind("str", "text", Samples(first, first, last))


def text_kind(name: str, column: Column) -> Kind | None:
    """A text that the column gives back as it was: padded types need all of their characters."""
    found = LENGTH.search(column.type.expression)
    length = int(found[1]) if found else MAX_LENGTH
    kind = KINDS["str"](Declaration("", name, [str(min(length, MAX_LENGTH))]))
    if "CHAR(" not in column.type.expression:
        return kind
    full, changed = (literal(letter * length) for letter in "xy")
    numbered = f"str(number).zfill({length})" if length > 1 else ""
    samples = Samples(full, full, changed, numbered)
    return replace(kind, samples=samples) if length <= MAX_PADDED else None


def without_zone(kind: Kind) -> Kind:
    """Moments as the column keeps them."""
    told = kind.samples
    samples = Samples(
        told.factory.replace(", tzinfo=UTC", ""),
        told.payload.replace("Z", ""),
        told.change.replace("Z", ""),
        told.unique.replace(", tzinfo=UTC", ""),
    )
    return replace(kind, samples=samples)


def exactly(kind: Kind, source: str) -> Kind:
    """The kind with a value of its own."""
    made = f'Decimal("{source}")' if kind.annotation == "Decimal" else source
    sent = literal(source) if kind.annotation == "Decimal" else source
    return replace(kind, samples=Samples(made, sent, kind.samples.change))


def as_sql(source: str) -> str:
    """A sample as PostgreSQL reads it in any type."""
    value = ast.literal_eval(source)
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else json.dumps(value)


KEY_TYPES = ("UUID", "int", "str")
LITERAL = re.compile(r"""'((?:[^']|'')*)'::|(?<![\w.'"])([0-9]+)\b(?!['"])""")


class Parent(NamedTuple):
    """A row that has to be there first."""

    attribute: str
    table: str
    target_attribute: str
    is_uuid: bool


@dataclass(frozen=True)
class Row:
    """What a row is made of, and what may be changed in it."""

    fields: list[Field]
    parents: list[Parent]
    changes: list[Field]
    is_sent: bool
    """Whether a client may send all of it."""


def candidates(resource: ExistingResource, plain: Table) -> Iterator[Row]:
    """Rows that the table may accept; `plain` is the table as the migration creates it."""
    for by_checks in (False, True):
        if row := make_row(resource, plain, by_checks=by_checks):
            yield row


def make_row(resource: ExistingResource, plain: Table, *, by_checks: bool) -> Row | None:
    """A row of all that is required; values can be taken from the checks."""
    required = [one for one in resource.columns if is_required(one, plain)]
    parents: list[Parent] = []
    fields: list[Field] = []
    for one in required:
        checks = plain.checks if by_checks else ()
        if parent := parent_of(resource, one, plain):
            parents.append(parent)
        elif is_bound(plain, one) or (field := field_of(one, plain, checks)) is None:
            return None
        else:
            fields.append(field)
    return Row(fields, parents, changes_of(resource), all(one.is_given for one in required))


def is_required(one: ExistingColumn, plain: Table) -> bool:
    """Whether nothing fills the column, or a default refers to a row that is not there."""
    column = plain.column(one.column.name)
    if column.identity or column.generated or one.is_serial:
        return False
    if is_bound(plain, one):
        return not column.nullable
    return not (column.is_filled or (one.is_key and one.column.type.python == "UUID"))


def is_bound(table: Table, one: ExistingColumn) -> bool:
    """Whether a foreign key limits its values."""
    return any(one.column.name in key.columns for key in table.foreign_keys)


def parent_of(resource: ExistingResource, one: ExistingColumn, plain: Table) -> Parent | None:
    """The row that a column refers to, if it has a model."""
    for key in plain.references(one.column.name):
        attributes = resource.attributes.get(key.table, {})
        python = one.column.type.python
        target = attributes.get(key.target_columns[0])
        if target and python in KEY_TYPES:
            return Parent(one.attribute, key.table, target, python == "UUID")
    return None


def field_of(one: ExistingColumn, table: Table, checks: tuple[Check, ...]) -> Field | None:
    """The column with a value of its own."""
    kind = kind_of(one.attribute, one.column)
    if kind is None or one.column.generated:
        return None
    if value := allowed(one.column, kind, checks):
        kind = exactly(kind, value)
    is_unique = bool(kind.samples.unique) and one.column.name in unique_columns(table)
    return Field(one.attribute, kind, "", unique=is_unique)


def allowed(column: Column, kind: Kind, checks: tuple[Check, ...]) -> str | None:
    """The first value that a check names beside the column."""
    is_text = kind.annotation == "str"
    if not (is_text or kind.annotation in ("int", "Decimal")):
        return None
    for check in checks:
        if re.search(rf"\b{re.escape(column.name)}\b", check.condition):
            for text, number in LITERAL.findall(check.condition):
                if found := text if is_text else number:
                    return literal(found.replace("''", "'")) if is_text else str(int(found))
    return None


def unique_columns(table: Table) -> set[str]:
    """The columns that no two rows may share, alone or with others."""
    indexes = [index.definition for index in table.indexes if index.unique]
    keys = [table.key] if table.key else []
    return {name for key in (*keys, *table.uniques) for name in key.columns} | {
        column.name
        for column in table.columns
        if any(re.search(rf"\b{re.escape(column.name)}\b", one) for one in indexes)
    }


def changes_of(resource: ExistingResource) -> list[Field]:
    """What a client may change without another row."""
    unique = unique_columns(resource.table)
    fields = (
        field_of(one, resource.table, ())
        for one in resource.columns
        if one.is_given
        and not (one.is_key or is_bound(resource.table, one) or one.column.name in unique)
    )
    return [field for field in fields if field and field.is_changeable]


def ready(rows: Mapping[str, Row], there: set[str]) -> dict[str, Row]:
    """The rows whose parents can be made first, which none is that refers in a circle."""
    found: dict[str, Row] = {}
    while more := {
        table: row
        for table, row in rows.items()
        if table not in found and {one.table for one in row.parents} <= found.keys() | there
    }:
        found |= more
    return found
