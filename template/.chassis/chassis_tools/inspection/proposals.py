"""Proposed resources for tables, as text and as JSON."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from chassis_tools.inspection.fields import (
    Field,
    Finding,
    References,
    build_field,
    derive_resource_names,
    find_column_findings,
    find_constraint_findings,
    find_feature_findings,
)
from chassis_tools.inspection.tables import Column, Feature, Schema, Table
from chassis_tools.scaffolding.literals import is_secret
from chassis_tools.scaffolding.names import ResourceNames

PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")
NO_RESOURCE = "no resource, unchanged"
KEY_TYPES = {"int", "str", "UUID"}
NOT_TABLES = {
    "foreign table": "its rows are on another server",
    "materialized view": "its rows come from a query",
    "view": "its rows come from a query",
}


@dataclass(frozen=True)
class Proposal:
    """A proposal for a table; if `singular` is None, the table does not become a resource."""

    table: Table
    singular: str | None
    plural: str | None
    key: Field | None
    fields: tuple[Field, ...]
    findings: tuple[Finding, ...]

    @property
    def is_resource(self) -> bool:
        """True if the table becomes a resource."""
        return self.singular is not None


def propose(schema: Schema) -> list[Proposal]:
    """Propose a resource for each table, or give the reason why it cannot have one."""
    names: dict[str, ResourceNames] = {}
    obstacles: dict[str, str] = {}
    for table in schema.tables:
        derived = derive_resource_names(table.name)
        if reason := find_obstacle(table) or find_name_obstacle(derived, names):
            obstacles[table.name] = reason
        elif derived:
            names[table.name] = derived
    references = {
        (schema.name, table.name): (names[table.name].singular, table.key.columns)
        for table in schema.tables
        if table.key and table.name in names
    }
    return [
        build_proposal(table, names[table.name], references)
        if table.name in names
        else build_rejection(table, obstacles[table.name])
        for table in schema.tables
    ]


def find_name_obstacle(
    derived: ResourceNames | None, names: Mapping[str, ResourceNames]
) -> str | None:
    """Return the reason why a resource cannot have its derived name, or None."""
    if derived is None:
        return "no name can be derived from its name"
    forms = {derived.singular, derived.plural}
    conflicts = [
        (table, other.singular)
        for table, other in names.items()
        if forms & {other.singular, other.plural}
    ]
    if not conflicts:
        return None
    table, singular = conflicts[0]
    return f"its name clashes with the resource {singular} of the table {table}"


def build_proposal(table: Table, names: ResourceNames, references: References) -> Proposal:
    """Build the proposal of a table that becomes a resource."""
    fields = number_duplicates([build_field(table, column, references) for column in table.columns])
    findings = [
        *find_table_findings(table, names),
        *(
            finding
            for column, field in zip(table.columns, fields, strict=True)
            for finding in find_column_findings(table, column, field)
        ),
        *find_constraint_findings(table, references),
        *find_feature_findings(table),
    ]
    keys = [field for field in fields if table.key and field.column in table.key.columns]
    others = tuple(field for field in fields if field not in keys)
    return Proposal(table, names.singular, names.plural, keys[0], others, tuple(findings))


def build_rejection(table: Table, reason: str) -> Proposal:
    """Build the proposal of a table that does not become a resource."""
    findings = (Finding(table.kind, reason, NO_RESOURCE), *find_feature_findings(table))
    return Proposal(table, None, None, None, (), findings)


def find_obstacle(table: Table) -> str | None:
    """Return the reason why a table cannot become a resource, or None."""
    if table.kind in NOT_TABLES:
        return NOT_TABLES[table.kind]
    for feature in table.features:
        if feature.kind == "partition of":
            return f"its rows are also rows of {feature.name}"
    if any("," in name for key in table.foreign_keys for name in key.columns + key.target_columns):
        return "a column of its foreign key has a comma in its name, which SQLAlchemy cannot read"
    if any("nextval('" in default and "''" in default for default in get_defaults(table)):
        return (
            "the sequence that numbers its rows has a quote in its name, which Alembic cannot read"
        )
    if table.key is None:
        other = ", though a unique constraint could serve as one" if table.has_unique else ""
        return f"it has no primary key{other}"
    if len(table.key.columns) > 1:
        return describe_composite_key(table, table.key.columns)
    return find_key_obstacle(table.get_column(table.key.columns[0]))


def get_defaults(table: Table) -> list[str]:
    """Return the default expressions of a table's columns."""
    return [column.default for column in table.columns if column.default]


def describe_composite_key(table: Table, columns: tuple[str, ...]) -> str:
    """Return the reason why a composite key cannot be a resource's key."""
    foreign_keys = [table.get_foreign_keys(column) for column in columns]
    reason = f"its key has {len(columns)} columns"
    if all(foreign_keys):
        return f"{reason}: it links {' and '.join(keys[0].table for keys in foreign_keys)}"
    return reason


def find_key_obstacle(column: Column) -> str | None:
    """Return the reason why a key cannot be part of a URL path, or None."""
    if is_secret(column.name):
        return f"its key is {column.name}, and URL paths must not contain secrets"
    if column.type.in_api and column.type.python in KEY_TYPES:
        return None
    return f"its key has the type {column.type.sql}, which cannot be part of a URL path"


def find_table_findings(table: Table, names: ResourceNames) -> Iterator[Finding]:
    """Yield how a resource's name and key differ from those of new resources."""
    if table.name != names.plural:
        yield Finding(
            "name", f"the table is {table.name}, not {names.plural}", "the model keeps its name"
        )
    key = table.get_column(table.key.columns[0]) if table.key else None
    if key and (key.name, key.type.python) != ("id", "UUID"):
        reason = f"it is {key.name} ({key.type.sql})"
        yield Finding(
            "key", reason, f"the model keeps it; the path of each {names.singular} ends with it"
        )
    if key and not key.can_be_omitted and key.type.python != "UUID":
        yield Finding("key", "only the client can set it", "set by POST, never changed")


def number_duplicates(fields: list[Field]) -> list[Field]:
    """Append a number to each name that an earlier field already has."""
    taken = {field.name for field in fields}
    seen: set[str] = set()
    numbered = []
    for field in fields:
        name = field.name
        if name in seen:
            candidates = (f"{name}_{number}" for number in itertools.count(2))
            name = next(candidate for candidate in candidates if candidate not in taken)
        seen.add(name)
        taken.add(name)
        numbered.append(field.rename(name))
    return numbered


def format_json(schema: Schema, proposals: Iterable[Proposal]) -> str:
    """Format proposals as JSON, in ASCII."""
    tables = [asdict(proposal) for proposal in proposals]
    objects = [asdict(feature) for feature in schema.objects]
    return json.dumps({"schema": schema.name, "tables": tables, "objects": objects}, indent=2)


def format_text(schema: Schema, proposals: list[Proposal]) -> str:
    """Format proposals as a paragraph for each table, one for other objects, and a summary."""
    parts = ["\n".join(format_proposal(proposal)) for proposal in proposals]
    if schema.objects:
        parts.append("\n".join(["Other objects, unchanged:", *format_features(schema.objects)]))
    resources = sum(proposal.is_resource for proposal in proposals)
    parts.append(f"{resources} of {len(proposals)} tables can become resources.")
    return "\n\n".join(parts)


def format_proposal(proposal: Proposal) -> Iterator[str]:
    """Yield the lines of a table's paragraph."""
    table = proposal.table
    name = f"{quote_name(table.schema)}.{quote_name(table.name)}"
    if proposal.is_resource:
        yield f"{name} ({table.kind}): the resource {proposal.singular}, {proposal.plural}"
    else:
        yield f"{name} ({table.kind}): no resource"
    if table.comment:
        yield f"  comment: {to_one_line(table.comment)}"
    yield from align(list_columns(proposal))
    if lines := list(list_definitions(table)):
        yield "  with"
        yield from lines
    yield "  not supported" if proposal.findings else "  everything is supported"
    for finding in proposal.findings:
        text = to_one_line(f"{finding.subject}: {finding.reason}")
        yield f"    {text} -> {finding.outcome}"


def list_columns(proposal: Proposal) -> Iterator[tuple[str, str, str]]:
    """Yield the name, type and field of each column."""
    fields = {field.column: field for field in proposal.fields}
    for column in proposal.table.columns:
        is_key = proposal.key is not None and proposal.key.column == column.name
        parts = ["the key" if is_key else describe_field(fields.get(column.name))]
        parts += [f"({to_one_line(column.origin)})"] if column.origin else []
        parts += [f"-- {to_one_line(column.comment)}"] if column.comment else []
        yield quote_name(column.name), to_one_line(describe_type(column)), "  ".join(parts)


def describe_field(field: Field | None) -> str:
    """Return the specification of a column's field, or its access."""
    if field is None:
        return "-"
    if field.access == "none":
        return "not in the API"
    return field.spec or f"{field.name}, {field.access}"


def describe_type(column: Column) -> str:
    """Return the type with its collation and nullability, in SQL."""
    collation = f" collate {quote_name(column.collation)}" if column.collation else ""
    return column.type.sql + collation + ("" if column.nullable else " not null")


def list_definitions(table: Table) -> Iterator[str]:
    """Yield the definitions of constraints, indexes and other features, in SQL."""
    for constraint in table.constraints:
        yield f"    {quote_name(constraint.name)} {to_one_line(constraint.definition)}"
    for index in table.indexes:
        yield f"    {to_one_line(index.definition)}"
    yield from format_features(table.features)


def format_features(features: Iterable[Feature]) -> Iterator[str]:
    """Yield a line for each feature."""
    for feature in features:
        yield f"    {feature.kind} {to_one_line(f'{feature.name} {feature.definition}')}".rstrip()


def align(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Yield rows as lines with aligned columns."""
    lines = list(rows)
    widths = [max((len(row[index]) for row in lines), default=0) for index in (0, 1)]
    for name, type_, rest in lines:
        yield f"    {name:{widths[0]}}  {type_:{widths[1]}}  {rest}"


def quote_name(name: str) -> str:
    """Quote a name for SQL if necessary."""
    if PLAIN_NAME.fullmatch(name):
        return name
    return escape_unprintable('"' + name.replace('"', '""') + '"')


def to_one_line(text: str) -> str:
    """Join the lines of a text and escape control characters."""
    return escape_unprintable(re.sub(r"[ \t\r\n]+", " ", text))


def escape_unprintable(text: str) -> str:
    """Escape characters that a terminal could interpret."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
