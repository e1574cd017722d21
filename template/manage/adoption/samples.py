"""Values for the tests of a table that is there: those of `manage make`, by the column's type."""

import ast
import json
from dataclasses import replace

from manage.adoption.inputs import LENGTH
from manage.inspection.tables import Column
from manage.scaffolding.kinds import Kind, Samples, Words
from manage.scaffolding.snippets import literal
from manage.scaffolding.specifications import KINDS

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
    kind = KINDS[type_name](Words("", name, arguments))
    return without_zone(kind) if type_.sql.endswith("without time zone") else kind


def labelled(labels: list[str]) -> Kind:
    """One of the labels of an enumeration."""
    first, last = literal(labels[0]), literal(labels[-1])
    return Kind("str", "text", Samples(first, first, last))


def text_kind(name: str, column: Column) -> Kind | None:
    """A text that the column gives back as it was: padded types need all of their characters."""
    found = LENGTH.search(column.type.expression)
    length = int(found[1]) if found else MAX_LENGTH
    kind = KINDS["str"](Words("", name, [str(min(length, MAX_LENGTH))]))
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
