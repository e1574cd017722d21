"""What a type of field is in each of a resource's files: source text, ready to be written down."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from manage.errors import CommandError
from manage.scaffolding.defaults import Default
from manage.scaffolding.snippets import Import

CONSTRAINED = [("typing", "Annotated"), ("pydantic", "Field")]


class Filter(NamedTuple):
    """A filter of the list: an operator, with a value that finds the sample and one that does not."""

    operator: str
    match: str
    miss: str


@dataclass(frozen=True)
class Samples:
    """Values for tests, as Python source.

    `factory` is what a row is made with, `payload` what a client sends, `change` what it sends to
    change it. `unique` depends on a variable `number`. `ordered` are two rows' values, the lower one
    first, if lists may be sorted by them.
    """

    factory: str
    payload: str
    change: str
    unique: str = ""
    invalid: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A type of field."""

    annotation: str
    """The type of the model's attribute."""
    sql: str
    """The column's type in PostgreSQL."""
    samples: Samples
    column: str = ""
    """The column's type in SQLAlchemy, if the annotation does not tell it."""
    migration: str = ""
    """The same in a migration."""
    input: str = ""
    """The type of what a client sends, if it is another."""
    constraint: str = ""
    """A constrained type that gets a name of its own in the schemas."""
    filter_type: str = ""
    """The type of a filter's value, if it is not that of the input."""
    filters: tuple[Filter, ...] = ()
    default: Callable[[str], Default] | None = None
    """How `default=…` is understood, if there is such a thing."""
    length: int = 0
    """How many characters it holds, if that is said."""
    choices: tuple[str, ...] = ()
    """The values of an enumeration, which is called as the annotation says."""
    imports: dict[str, frozenset[Import]] = field(default_factory=dict)
    """What `models`, `schemas`, `factory` and `migration` import; `unique` is for factories too."""


class Words(NamedTuple):
    """What a kind is made from."""

    resource: str
    """The class that the field belongs to."""
    name: str
    arguments: list[str]
    """What stands behind the type."""

    @property
    def label(self) -> str:
        """`unit_price` as "Unit price"."""
        return self.name.replace("_", " ").capitalize()


def imports(**files: Iterable[Import]) -> dict[str, frozenset[Import]]:
    """Imports by file."""
    return {name: frozenset(members) for name, members in files.items()}


def comparisons(below: str, sample: str, above: str) -> tuple[Filter, ...]:
    """Filters of values that have an order: equal, at least, at most."""
    return Filter("", sample, above), Filter("gte", sample, above), Filter("lte", sample, below)


def whole_number(text: str, words: Words, *, largest: int, smallest: int = 1) -> int:
    """An argument behind a type."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1
    if not smallest <= number <= largest:
        raise CommandError(
            f"{words.name}: {text!r} is not a whole number from {smallest} to {largest}"
        )
    return number
