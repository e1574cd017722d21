"""What was found, for people and for programs; a name from the catalog cannot garble either."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from manage.inspection.fields import Field
from manage.inspection.proposals import Proposal
from manage.inspection.tables import Column, Feature, Schema, Table

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
