"""The resources that an inspection proposes, as text and JSON."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from chassis_tools.inspection.fields import (
    Field,
    Finding,
    References,
    column_findings,
    constraint_findings,
    feature_findings,
    field_of,
    names_after,
)
from chassis_tools.inspection.tables import Column, Feature, Schema, Table
from chassis_tools.scaffolding.literals import is_secret
from chassis_tools.scaffolding.names import ResourceNames

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


PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def as_json(schema: Schema, proposals: Iterable[Proposal]) -> str:
    """Everything, in ASCII."""
    told = [asdict(proposal) for proposal in proposals]
    objects = [asdict(feature) for feature in schema.objects]
    return json.dumps({"schema": schema.name, "tables": told, "objects": objects}, indent=2)


def as_text(schema: Schema, proposals: list[Proposal]) -> str:
    """A paragraph per table, one for what is beside them, and the sum."""
    parts = ["\n".join(paragraph(proposal)) for proposal in proposals]
    if schema.objects:
        parts.append("\n".join(["Beside the tables, kept as it is:", *features(schema.objects)]))
    resources = sum(proposal.is_resource for proposal in proposals)
    parts.append(f"{resources} of {len(proposals)} would be resources.")
    return "\n\n".join(parts)


def paragraph(proposal: Proposal) -> Iterator[str]:
    """A table: what it would be, its columns, its keys and indexes, and what is not expressed."""
    table = proposal.table
    name = f"{quoted(table.schema)}.{quoted(table.name)}"
    if proposal.is_resource:
        yield f"{name} ({table.kind}): the resource {proposal.singular}, {proposal.plural}"
    else:
        yield f"{name} ({table.kind}): no resource"
    if table.comment:
        yield f"  comment: {shown(table.comment)}"
    yield from aligned(columns(proposal))
    if told := list(definitions(table)):
        yield "  with"
        yield from told
    yield "  not expressed" if proposal.findings else "  all is expressed"
    for finding in proposal.findings:
        told_of = shown(f"{finding.subject}: {finding.reason}")
        yield f"    {told_of} -> {finding.outcome}"


def columns(proposal: Proposal) -> Iterator[tuple[str, str, str]]:
    """A line for each column: its name, its type, its field."""
    fields = {field.column: field for field in proposal.fields}
    for column in proposal.table.columns:
        is_key = proposal.key is not None and proposal.key.column == column.name
        told = ["the key" if is_key else fate(fields.get(column.name))]
        told += [f"({shown(column.origin)})"] if column.origin else []
        told += [f"-- {shown(column.comment)}"] if column.comment else []
        yield quoted(column.name), shown(type_of(column)), "  ".join(told)


def fate(field: Field | None) -> str:
    """What a column becomes."""
    if field is None:
        return "-"
    if field.access == "none":
        return "not in the API"
    return field.spec or f"{field.name}, {field.access}"


def type_of(column: Column) -> str:
    """The type, how it is sorted, and whether it may be empty."""
    collation = f" collate {quoted(column.collation)}" if column.collation else ""
    return column.type.sql + collation + ("" if column.nullable else " not null")


def definitions(table: Table) -> Iterator[str]:
    """The keys, constraints and indexes, and the definitions of the rest, as PostgreSQL has them."""
    for constraint in table.constraints:
        yield f"    {quoted(constraint.name)} {shown(constraint.definition)}"
    for index in table.indexes:
        yield f"    {shown(index.definition)}"
    yield from features(table.features)


def features(found: Iterable[Feature]) -> Iterator[str]:
    """A line for each."""
    for feature in found:
        yield f"    {feature.kind} {shown(f'{feature.name} {feature.definition}')}".rstrip()


def aligned(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """The rows with their columns below each other."""
    told = list(rows)
    widths = [max((len(row[place]) for row in told), default=0) for place in (0, 1)]
    for name, type_, rest in told:
        yield f"    {name:{widths[0]}}  {type_:{widths[1]}}  {rest}"


def quoted(name: str) -> str:
    """A name as SQL has it."""
    if PLAIN.fullmatch(name):
        return name
    return escaped('"' + name.replace('"', '""') + '"')


def shown(text: str) -> str:
    """A text of many lines on one."""
    return escaped(re.sub(r"[ \t\r\n]+", " ", text))


def escaped(text: str) -> str:
    """A text without characters that a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
