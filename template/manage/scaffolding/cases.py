"""What the tests of a resource try, as source text."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from manage.scaffolding.fields import Field, ListFilter, Reference


class Value(NamedTuple):
    """A value of a field."""

    name: str
    value: str


class Case(NamedTuple):
    """A filter's value, and how many rows of the tests it finds."""

    name: str
    value: str
    total: str


class Pair(NamedTuple):
    """Two values by which lists are sorted."""

    name: str
    low: str
    high: str


def refusals(fields: Iterable[Field]) -> list[Value]:
    """What may not be sent."""
    return [Value(one.name, value) for one in fields for value in one.kind.samples.invalid]


def defaults(columns: Iterable[Field | Reference]) -> list[Value]:
    """What may be left out, and what is there then."""
    omitted = [one for one in columns if not one.required and one.left_out]
    return [Value(one.attribute, one.left_out) for one in omitted]


def filters(listed: Iterable[ListFilter]) -> list[Case]:
    """What is looked for by filters."""
    found = []
    for one in listed:
        found += [Case(one.name, one.match, "1")] if one.match else []
        found += [Case(one.name, one.miss, "0")]
    return found


def orders(fields: Iterable[Field]) -> list[Pair]:
    """What is sorted by."""
    return [Pair(one.name, *one.kind.samples.ordered) for one in fields if one.sortable]


def changes(fields: Iterable[Field]) -> list[Field]:
    """What can be changed."""
    return [field for field in fields if field.changes]


def makers(parents: Sequence[Reference], *, owned: bool) -> str:
    """The parameters of the factory for whom and what a row belongs to."""
    owner = ["owner: User"] if owned else []
    found = [f"{one.name}: {one.target.class_name} | None = None" for one in parents]
    return "".join(f", {one}" for one in ["*", *owner, *found]) if owner or found else ""


def exact_values(uniques: Iterable[Field]) -> str:
    """The arguments of the factory for a row that filters find, where samples are numbered."""
    return "".join(f", {one.name}={one.kind.samples.factory}" for one in uniques)


def eager_selects(loaded: Sequence[Reference]) -> str:
    """What else loading a row to change it sends: a statement for each entity that is there."""
    selects = [one for one in loaded if one.load == "selectin" and not one.optional]
    return ', "SELECT"' * len(selects)
