"""The resource that each table would become, and all that such a resource does not express."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from manage.inspection.fields import Field, References, field_of
from manage.inspection.findings import (
    Finding,
    column_findings,
    constraint_findings,
    feature_findings,
)
from manage.inspection.naming import names_after
from manage.inspection.tables import Column, Schema, Table
from manage.scaffolding.confidential import is_secret
from manage.scaffolding.names import ResourceNames

NO_RESOURCE = "no resource, kept as it is"
KEY_TYPES = {"int", "str", "UUID"}
NOT_TABLES = {
    "foreign table": "its rows are on another server",
    "materialized view": "its rows are a query's",
    "view": "its rows are a query's",
}


@dataclass(frozen=True)
class Proposal:
    """What a table would become; without names, none."""

    table: Table
    singular: str | None
    plural: str | None
    key: Field | None
    fields: tuple[Field, ...]
    findings: tuple[Finding, ...]

    @property
    def is_resource(self) -> bool:
        """Whether the table would become a resource."""
        return self.singular is not None


def propose(schema: Schema) -> list[Proposal]:
    """A proposal for each table."""
    names: dict[str, ResourceNames] = {}
    obstacles: dict[str, str] = {}
    for table in schema.tables:
        found = names_after(table.name)
        if reason := obstacle(table) or name_obstacle(found, names):
            obstacles[table.name] = reason
        elif found:
            names[table.name] = found
    references = {
        (schema.name, table.name): (names[table.name].singular, table.key.columns)
        for table in schema.tables
        if table.key and table.name in names
    }
    return [
        resource(table, names[table.name], references)
        if table.name in names
        else refusal(table, obstacles[table.name])
        for table in schema.tables
    ]


def name_obstacle(found: ResourceNames | None, names: Mapping[str, ResourceNames]) -> str | None:
    """Why a resource cannot have the name that was found."""
    if found is None:
        return "no resource can be named after it"
    told = {found.singular, found.plural}
    taken = [table for table, other in names.items() if told & {other.singular, other.plural}]
    return f"the resource {found.singular} would be that of {taken[0]}" if taken else None


def resource(table: Table, names: ResourceNames, references: References) -> Proposal:
    """The proposal of a table that can be a resource."""
    fields = distinct([field_of(table, column, references) for column in table.columns])
    findings = [
        *table_findings(table, names),
        *(
            finding
            for column, field in zip(table.columns, fields, strict=True)
            for finding in column_findings(table, column, field)
        ),
        *constraint_findings(table, references),
        *feature_findings(table),
    ]
    keys = [field for field in fields if table.key and field.column in table.key.columns]
    others = tuple(field for field in fields if field not in keys)
    return Proposal(table, names.singular, names.plural, keys[0], others, tuple(findings))


def refusal(table: Table, reason: str) -> Proposal:
    """The proposal of a table that stays for SQL."""
    findings = (Finding(table.kind, reason, NO_RESOURCE), *feature_findings(table))
    return Proposal(table, None, None, None, (), findings)


def obstacle(table: Table) -> str | None:
    """Why a table cannot be a resource."""
    if table.kind in NOT_TABLES:
        return NOT_TABLES[table.kind]
    for feature in table.features:
        if feature.kind == "partition of":
            return f"{feature.name} holds its rows too"
    if any("," in name for key in table.foreign_keys for name in key.columns + key.target_columns):
        return "a column of its foreign key has a comma in its name, which SQLAlchemy cannot read"
    if any("nextval('" in told and "''" in told for told in defaults(table)):
        return (
            "the sequence that numbers its rows has a quote in its name, which Alembic cannot read"
        )
    if table.key is None:
        other = ", though a unique constraint could serve as one" if table.has_unique else ""
        return f"it has no primary key{other}"
    if len(table.key.columns) > 1:
        return composite(table, table.key.columns)
    return unfit_key(table.column(table.key.columns[0]))


def defaults(table: Table) -> list[str]:
    """The expressions that fill its columns."""
    return [column.default for column in table.columns if column.default]


def composite(table: Table, columns: tuple[str, ...]) -> str:
    """What a key of several columns says about its table."""
    linked = [table.references(column) for column in columns]
    told = f"its key has {len(columns)} columns"
    if all(linked):
        return f"{told}: it links {' and '.join(keys[0].table for keys in linked)}"
    return told


def unfit_key(column: Column) -> str | None:
    """Why a column cannot stand in a path."""
    if is_secret(column.name):
        return f"its key is {column.name}, and a path would tell that secret"
    if column.type.in_api and column.type.python in KEY_TYPES:
        return None
    return f"its key is of the type {column.type.sql}, which cannot stand in a path"


def table_findings(table: Table, names: ResourceNames) -> Iterator[Finding]:
    """What is particular about a resource's name and key."""
    if table.name != names.plural:
        yield Finding(
            "name", f"the table is {table.name}, not {names.plural}", "the model keeps its name"
        )
    key = table.column(table.key.columns[0]) if table.key else None
    if key and (key.name, key.type.python) != ("id", "UUID"):
        told = f"it is {key.name} ({key.type.sql})"
        yield Finding("key", told, f"the model keeps it, a path to one {names.singular} ends in it")
    if key and not key.is_filled and key.type.python != "UUID":
        yield Finding("key", "nothing but the client can fill it", "given by POST, never changed")


def distinct(fields: list[Field]) -> list[Field]:
    """The fields, of which those that would share a name are numbered."""
    names = [field.name for field in fields]
    return [
        field.renamed(f"{field.name}_{number + 1}")
        if (number := names[:place].count(field.name))
        else field
        for place, field in enumerate(fields)
    ]
