"""The fields of a table, and what they cannot express."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from chassis_tools.inspection.tables import Column, Feature, ForeignKey, Table
from chassis_tools.scaffolding.literals import is_secret
from chassis_tools.scaffolding.names import (
    ResourceNames,
    derive_names,
    find_field_problem,
    to_snake_case,
)
from chassis_tools.scaffolding.words import singularize
from manage.errors import CommandError


def names_after(table: str) -> ResourceNames | None:
    """What the resource of a table is called; None if the table's name gives none."""
    meant = to_snake_case(table)
    singular = singularize(meant) or meant
    # A suggestion for people could mean another table here: `customer` for `user`.
    for name in (singular, f"{singular}_entry"):
        try:
            return derive_names(name)
        except CommandError:
            continue
    return None


def field_name(column: str, *, is_reference: bool = False, is_kept: bool = False) -> str | None:
    """What the field of a column is called; None if the column's name gives none."""
    name = to_snake_case(column)
    if is_kept and name == column:
        return name
    if is_reference and len(name) > len("_id"):
        name = name.removesuffix("_id")
    names = (name, f"{name}_entry" if is_reference else f"{name}_value")
    return next((each for each in names if find_field_problem(each) is None), None)


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


KEPT = "kept in the table"
NOT_IN_API = "kept in the table, not in the API"
READ_ONLY = "read only in the API"
CHECKED = "the database checks it, not the API"
PLAIN = "kept in the table and the model; the API takes the plain value"
WRITTEN = "in the API; `manage make` has no such field, `manage inspect --write` declares it"

FEATURES = {
    "check": "SQLAlchemy cannot read it",
    "child table": "what is read from here includes its rows",
    "exclusion constraint": "no field says what may not overlap",
    "foreign key": "SQLAlchemy cannot read it",
    "not null": "rows that are there may break it",
    "parent": "it inherits columns and is read with its parent",
    "partition": "partitions are made in SQL",
    "partition of": "its rows are its parent's",
    "partitioning": "a model does not say how rows are spread",
    "policy": "what the service's role may see and write depends on it",
    "primary key": "SQLAlchemy cannot read it",
    "query": "a model has no query",
    "row security": "what the service's role may see and write depends on its policies",
    "rule": "it replaces what a statement does",
    "statistics": "a model has no statistics",
    "storage options": "a model does not say how rows are stored",
    "trigger": "it acts on rows behind the service",
    "unique": "SQLAlchemy cannot read it",
    "unlogged": "a crash of the server empties it",
}


@dataclass(frozen=True)
class Finding:
    """Something that a resource does not express."""

    subject: str
    reason: str
    outcome: str


def column_findings(table: Table, column: Column, field: Field) -> Iterator[Finding]:
    """What a column has that its field does not say."""
    subject = f"column {column.name}"
    if field.name != column.name and field.resource is None:
        spelled = column.name == to_snake_case(column.name)
        told = "the name has another meaning" if spelled else "it is not in snake_case"
        yield Finding(subject, told, f"the model keeps the name, the API says {field.name}")
    elif field.resource is not None and column.name != f"{field.name}_id":
        told = f"a reference to {field.resource} would be {field.name}_id"
        yield Finding(subject, told, "the model keeps the name")
    yield from type_findings(subject, column, field)
    is_key = table.key is not None and column.name in table.key.columns
    if column.default and not is_key and not told_by_field(column, field):
        yield Finding(subject, f"its default is {column.default}", "the database fills it in")
    if column.collation:
        yield Finding(subject, f"it is sorted by the collation {column.collation}", KEPT)


def type_findings(subject: str, column: Column, field: Field) -> Iterator[Finding]:
    """What the column's type and PostgreSQL's own hand in its values come to."""
    type_ = column.type
    required = "" if column.is_filled else "; POST fails unless a trigger fills it in"
    if is_secret(column.name):
        yield Finding(subject, "its name says that it is a secret", NOT_IN_API + required)
    if not type_.in_api:
        yield Finding(subject, type_.reason or type_.sql, NOT_IN_API + required)
    elif type_.reason and field.resource is None:
        yield Finding(subject, type_.reason, WRITTEN if type_.field is None else "in the API")
    if type_.domain:
        yield Finding(subject, f"the domain {type_.domain} may have rules", CHECKED)
    if column.generated or column.identity:
        yield Finding(subject, f"it is {column.origin}", READ_ONLY)
    elif column.name in TIMESTAMPS and field.access == "read only":
        yield Finding(subject, "the service keeps such times itself", READ_ONLY)


def told_by_field(column: Column, field: Field) -> bool:
    """Whether the field's own default is the column's."""
    kind = (field.spec or "").partition(":")[2].partition(":")[0].partition(",")[0]
    return kind in WITH_DEFAULT and literal_default(column) is not None


def constraint_findings(table: Table, references: References) -> Iterator[Finding]:
    """The constraints and indexes that no field speaks of."""
    for key in table.foreign_keys:
        if reason := foreign_key_reason(table, key, references):
            yield Finding(f"foreign key {key.name}", reason, PLAIN)
    for check in table.checks:
        yield Finding(f"check {check.name}", f"no field says {check.condition}", CHECKED)
    for index in table.indexes:
        if not index.valid:
            yield Finding(f"index {index.name}", "PostgreSQL does not use it: it is invalid", KEPT)


def foreign_key_reason(table: Table, key: ForeignKey, references: References) -> str | None:
    """Why a foreign key is no reference to a resource."""
    if len(key.columns) > 1:
        return f"it has {len(key.columns)} columns"
    if refers(key, references):
        return None
    if key.schema != table.schema:
        return f"{key.schema}.{key.table} is in another schema"
    if (key.schema, key.table) not in references:
        return f"{key.table} is no resource, or not among the tables that were asked for"
    return f"it points to {', '.join(key.target_columns)}, which is not the key of {key.table}"


def feature_findings(table: Table) -> Iterator[Finding]:
    """What belongs to the table and to no model."""
    for feature in table.features:
        yield Finding(label(feature), FEATURES[feature.kind], KEPT)


def label(feature: Feature) -> str:
    """The feature's kind, and its name if it has one of its own."""
    own = ("partitioning", "query", "row security", "storage options", "unlogged")
    return feature.kind if feature.kind in own else f"{feature.kind} {feature.name}"
