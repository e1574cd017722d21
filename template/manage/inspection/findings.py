"""What a resource does not express, why, and what becomes of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from manage.inspection.fields import (
    TIMESTAMPS,
    WITH_DEFAULT,
    Field,
    References,
    literal_default,
    refers,
)
from manage.inspection.tables import Column, Feature, ForeignKey, Table
from manage.scaffolding.confidential import is_secret
from manage.scaffolding.names import snake_case

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
        spelled = column.name == snake_case(column.name)
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
