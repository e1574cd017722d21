"""Fields for the columns of a table, and the features that they cannot express."""

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

# Maps schema and name of each table with a resource to the resource's singular and key columns.
References = Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]
Access = Literal["read and write", "read only", "none"]

TIMESTAMPS = {"created_at", "updated_at"}
LITERAL = re.compile(r"'([\w.+-]+)'::[^()]+|(-?[\d.]+)|\((-[\d.]+)\)|(true|false)")
WITH_DEFAULT = {"bool", "int", "bigint", "float", "decimal", "str", "text", "enum"}
KEPT = "unchanged in the table"
NOT_IN_API = "unchanged in the table, not in the API"
READ_ONLY = "read-only in the API"
CHECKED = "checked by the database, not by the API"
PLAIN = "unchanged in the table and the model; a plain value in the API"
DECLARED = "in the API, declared by `manage inspect --write`; `manage make` has no such field"

FEATURE_REASONS = {
    "check": "SQLAlchemy cannot read it",
    "child table": "queries of this table include its rows",
    "exclusion constraint": "a field cannot declare an exclusion constraint",
    "foreign key": "SQLAlchemy cannot read it",
    "not null": "existing rows may violate it",
    "parent": "it inherits columns, and queries of its parent include its rows",
    "partition": "partitions are created in SQL",
    "partition of": "its rows belong to its parent",
    "partitioning": "a model does not declare partitioning",
    "policy": "it decides which rows the service may read and write",
    "primary key": "SQLAlchemy cannot read it",
    "query": "a model does not declare a query",
    "row security": "its policies decide which rows the service may read and write",
    "rule": "it rewrites statements",
    "statistics": "a model does not declare statistics",
    "storage options": "a model does not declare storage options",
    "trigger": "it may change rows without the service",
    "unique": "SQLAlchemy cannot read it",
    "unlogged": "a server crash empties it",
}


@dataclass(frozen=True)
class Field:
    """A field; if `spec` is None, `manage make` has no such field."""

    name: str
    column: str
    access: Access
    spec: str | None = None
    resource: str | None = None

    def rename(self, name: str) -> "Field":
        """Return the field with another name."""
        spec = self.spec and name + self.spec.removeprefix(self.name)
        return replace(self, name=name, spec=spec)


@dataclass(frozen=True)
class Finding:
    """A feature of a table that its resource does not express."""

    subject: str
    reason: str
    outcome: str


def derive_resource_names(table: str) -> ResourceNames | None:
    """Derive a resource's names from its table's name; None if that is impossible."""
    plural = to_snake_case(table)
    singular = singularize(plural) or plural
    # Do not use the suggestions of `derive_names`: `customer` for `user` could be another table.
    for name in (singular, f"{singular}_entry"):
        try:
            return derive_names(name)
        except CommandError:
            continue
    return None


def derive_field_name(
    column: str, *, is_reference: bool = False, is_kept: bool = False
) -> str | None:
    """Derive a field's name from its column's name; None if that is impossible.

    With `is_kept`, a name in snake_case is kept even if it is reserved.
    """
    name = to_snake_case(column)
    if is_kept and name == column:
        return name
    if is_reference and len(name) > len("_id"):
        name = name.removesuffix("_id")
    names = (name, f"{name}_entry" if is_reference else f"{name}_value")
    return next((candidate for candidate in names if find_field_problem(candidate) is None), None)


def build_field(table: Table, column: Column, references: References) -> Field:
    """Build the field of a column."""
    target = find_resource(table, column, references)
    is_key = table.key is not None and column.name in table.key.columns
    is_kept = column.name in TIMESTAMPS or (is_key and column.name == "id")
    name = derive_field_name(column.name, is_reference=target is not None, is_kept=is_kept)
    if name is None:
        number = table.columns.index(column) + 1
        return Field(f"column_{number}", column.name, get_access(column))
    access = get_access(column)
    kind = f"ref:{target}" if target else column.type.field
    spec = None
    if kind and access == "read and write" and not is_key:
        spec = ",".join([f"{name}:{kind}", *build_flags(table, column, kind)])
    return Field(name, column.name, access, spec, target)


def get_access(column: Column) -> Access:
    """Return the access of API clients to a column."""
    if not column.type.in_api or is_secret(column.name):
        return "none"
    if column.generated or column.identity or "nextval(" in (column.default or ""):
        return "read only"
    is_timestamp = column.name in TIMESTAMPS and column.type.python == "datetime"
    return "read only" if is_timestamp else "read and write"


def build_flags(table: Table, column: Column, kind: str) -> list[str]:
    """Build the flags of a field."""
    flags = ["optional"] if column.nullable else []
    if (column.name,) in table.get_unique_columns():
        flags.append("unique")
    elif kind[:4] != "ref:" and any(
        index.columns == (column.name,) and index.is_plain for index in table.indexes
    ):
        flags.append("index")
    default = parse_default(column)
    if default is not None and kind.partition(":")[0] in WITH_DEFAULT:
        flags.append(f"default={default}")
    return flags


def parse_default(column: Column) -> str | None:
    """Return the default if it is a literal without characters that a shell interprets."""
    match = LITERAL.fullmatch(column.default or "")
    return next((value for value in match.groups() if value), None) if match else None


def find_resource(table: Table, column: Column, references: References) -> str | None:
    """Return the resource whose key a column refers to, or None."""
    for key in table.get_foreign_keys(column.name):
        if is_reference_to_key(key, references):
            return references[key.schema, key.table][0]
    return None


def is_reference_to_key(key: ForeignKey, references: References) -> bool:
    """Return True if a foreign key refers to the key of a resource."""
    target = references.get((key.schema, key.table))
    return target is not None and target[1] == key.target_columns


def find_column_findings(table: Table, column: Column, field: Field) -> Iterator[Finding]:
    """Yield the features of a column that its field does not express."""
    subject = f"column {column.name}"
    if field.name != column.name and field.resource is None:
        is_snake_case = column.name == to_snake_case(column.name)
        reason = "the name is reserved" if is_snake_case else "the name is not in snake_case"
        outcome = f"the column keeps the name; the model and the API use {field.name}"
        yield Finding(subject, reason, outcome)
    elif field.resource is not None and column.name != f"{field.name}_id":
        reason = f"a reference to {field.resource} would be {field.name}_id"
        yield Finding(subject, reason, "the column keeps the name")
    yield from find_type_findings(subject, column, field)
    is_key = table.key is not None and column.name in table.key.columns
    if column.default and not is_key and not is_default_in_field(column, field):
        yield Finding(subject, f"its default is {column.default}", "the database sets it")
    if column.collation:
        yield Finding(subject, f"it has the collation {column.collation}", KEPT)


def find_type_findings(subject: str, column: Column, field: Field) -> Iterator[Finding]:
    """Yield the limitations of a column's type and of its computed values."""
    type_ = column.type
    required = "" if column.can_be_omitted else "; POST fails unless a trigger sets it"
    if is_secret(column.name):
        yield Finding(subject, "its name indicates a secret", NOT_IN_API + required)
    if not type_.in_api:
        yield Finding(subject, type_.reason or type_.sql, NOT_IN_API + required)
    elif type_.reason and field.resource is None:
        yield Finding(subject, type_.reason, DECLARED if type_.field is None else "in the API")
    if type_.domain:
        yield Finding(subject, f"the domain {type_.domain} may have constraints", CHECKED)
    if column.generated or column.identity:
        yield Finding(subject, f"it is {column.origin}", READ_ONLY)
    elif column.name in TIMESTAMPS and field.access == "read only":
        yield Finding(subject, "the service sets this timestamp", READ_ONLY)


def is_default_in_field(column: Column, field: Field) -> bool:
    """Return True if the field declares the column's default."""
    kind = (field.spec or "").partition(":")[2].partition(":")[0].partition(",")[0]
    return kind in WITH_DEFAULT and parse_default(column) is not None


def find_constraint_findings(table: Table, references: References) -> Iterator[Finding]:
    """Yield the constraints and indexes that fields cannot express."""
    for key in table.foreign_keys:
        if reason := explain_foreign_key(table, key, references):
            yield Finding(f"foreign key {key.name}", reason, PLAIN)
    for check in table.checks:
        yield Finding(f"check {check.name}", f"a field cannot declare {check.condition}", CHECKED)
    for index in table.indexes:
        if not index.valid:
            yield Finding(
                f"index {index.name}", "it is invalid, so PostgreSQL does not use it", KEPT
            )


def explain_foreign_key(table: Table, key: ForeignKey, references: References) -> str | None:
    """Return the reason why a foreign key is not a reference to a resource, or None."""
    if len(key.columns) > 1:
        return f"it has {len(key.columns)} columns"
    if is_reference_to_key(key, references):
        return None
    if key.schema != table.schema:
        return f"{key.schema}.{key.table} is in another schema"
    if (key.schema, key.table) not in references:
        return f"{key.table} is not a resource, or not among the selected tables"
    return f"it refers to {', '.join(key.target_columns)}, which is not the key of {key.table}"


def find_feature_findings(table: Table) -> Iterator[Finding]:
    """Yield the objects of a table that no model declares."""
    for feature in table.features:
        yield Finding(describe_feature(feature), FEATURE_REASONS[feature.kind], KEPT)


def describe_feature(feature: Feature) -> str:
    """Return the feature's kind and its name; omit a name that is only that of the table."""
    unnamed = ("partitioning", "query", "row security", "storage options", "unlogged")
    return feature.kind if feature.kind in unnamed else f"{feature.kind} {feature.name}"
