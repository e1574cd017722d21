"""The kinds of fields: annotation, column, validation, filters and sample values of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from chassis_tools.scaffolding import literals
from chassis_tools.scaffolding.literals import Default, Import
from manage.errors import CommandError

CONSTRAINED_IMPORTS = [("typing", "Annotated"), ("pydantic", "Field")]
NOON = "datetime(2026, 1, 1, 12, tzinfo=UTC)"


class Filter(NamedTuple):
    """A filter of a list endpoint, with a value that matches the sample and one that does not."""

    operator: str
    match: str
    miss: str


@dataclass(frozen=True)
class Samples:
    """Values for tests, as Python source.

    `factory` is the value in a row. Clients send `payload` to create the row and `change` to update
    it. `unique` is an expression that uses the variable `number`. The API rejects the `invalid`
    values. If lists can be sorted by the field, `ordered` has a lower and a higher value.
    """

    factory: str
    payload: str
    change: str
    unique: str = ""
    invalid: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of field, such as `str:200`."""

    annotation: str
    """Python type of the model's attribute."""
    sql: str
    """PostgreSQL type of the column."""
    samples: Samples
    column: str = ""
    """SQLAlchemy type of the column; empty if the annotation implies it."""
    migration: str = ""
    """SQLAlchemy type of the column in a migration."""
    input: str = ""
    """Type of the value that a client sends; empty if it is the annotation."""
    read: str = ""
    """Type of the value in responses; empty if it is the annotation."""
    constraint: str = ""
    """Constrained type, for which the schemas define an alias."""
    condition: str = ""
    """SQL condition of the CHECK constraint for `min` and `max`; empty if there is none."""
    filter_type: str = ""
    """Type of a filter's value; empty if it is the input type."""
    filters: tuple[Filter, ...] = ()
    default: Callable[[str], Default] | None = None
    """Parser of `default=…`; None if the kind has no defaults."""
    length: int = 0
    """Maximum number of characters; 0 if there is no limit."""
    choices: tuple[str, ...] = ()
    """Values of an enum, whose class is the annotation."""
    imports: dict[str, frozenset[Import]] = field(default_factory=dict)
    """Imports by file; those of `unique` are added to the factory if the field is unique."""


class Declaration(NamedTuple):
    """The name and arguments of a field, which determine its kind."""

    resource: str
    """Name of the resource's class."""
    name: str
    arguments: list[str]
    """The parts after the type, as in `decimal:10:2`."""

    @property
    def label(self) -> str:
        """Name as a label: "Unit price" for `unit_price`."""
        return self.name.replace("_", " ").capitalize()


DATE_SAMPLES = Samples(
    factory="date(2026, 1, 1)",
    payload='"2026-01-01"',
    change='"2026-01-02"',
    unique="date(2026, 1, 1) + timedelta(days=number)",
    invalid=('"x"',),
    ordered=("date(2026, 1, 1)", "date(2026, 1, 2)"),
)
DATETIME_SAMPLES = Samples(
    factory=NOON,
    payload='"2026-01-01T12:00:00Z"',
    change='"2026-01-02T12:00:00Z"',
    unique=f"{NOON} + timedelta(days=number)",
    invalid=('"x"', '"2026-01-01T12:00:00"', '"0001-01-01T00:00:00+14:00"'),
    ordered=(NOON, "datetime(2026, 1, 2, 12, tzinfo=UTC)"),
)
TIME_SAMPLES = Samples(
    factory="time(9, 30)",
    payload='"09:30:00"',
    change='"10:30:00"',
    unique="time(number // 60 % 24, number % 60)",
    invalid=('"x"', '"09:30:00Z"'),
    ordered=("time(9, 30)", "time(10, 30)"),
)


def group_imports(**files: Iterable[Import]) -> dict[str, frozenset[Import]]:
    """Return the imports by file."""
    return {name: frozenset(members) for name, members in files.items()}


def build_comparisons(below: str, sample: str, above: str) -> tuple[Filter, ...]:
    """Return the filters for equality, minimum and maximum."""
    return Filter("", sample, above), Filter("gte", sample, above), Filter("lte", sample, below)


def parse_whole_number(
    text: str, declaration: Declaration, *, largest: int, smallest: int = 1
) -> int:
    """Parse an argument as a whole number within limits."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else -1
    if not smallest <= number <= largest:
        raise CommandError(
            f"{declaration.name}: {text!r} is not a whole number from {smallest} to {largest}"
        )
    return number


def build_date(_declaration: Declaration) -> Kind:
    """Build the kind of `date`."""
    return Kind(
        annotation="date",
        sql="date",
        migration="sa.Date()",
        filters=build_comparisons('"2025-12-31"', '"2026-01-01"', '"2026-01-02"'),
        default=literals.parse_date,
        samples=DATE_SAMPLES,
        imports=group_imports(
            models=[("datetime", "date")],
            schemas=[("datetime", "date")],
            factory=[("datetime", "date")],
            unique=[("datetime", "timedelta")],
        ),
    )


def build_datetime(_declaration: Declaration) -> Kind:
    """Build the kind of `datetime`, which has a time zone."""
    return Kind(
        annotation="datetime",
        sql="timestamptz",
        migration="timestamp",
        input="Timestamp",
        filters=(
            Filter("gte", DATETIME_SAMPLES.payload, DATETIME_SAMPLES.change),
            Filter("lt", DATETIME_SAMPLES.change, DATETIME_SAMPLES.payload),
        ),
        default=literals.parse_datetime,
        samples=DATETIME_SAMPLES,
        imports=group_imports(
            models=[("datetime", "datetime")],
            factory=[("datetime", "UTC"), ("datetime", "datetime")],
            unique=[("datetime", "timedelta")],
        ),
    )


def build_time(_declaration: Declaration) -> Kind:
    """Build the kind of `time`, which has no time zone."""
    return Kind(
        annotation="time",
        sql="time",
        migration="sa.Time()",
        input="NaiveTime",
        read="NaiveTime",
        filters=build_comparisons('"08:30:00"', '"09:30:00"', '"10:30:00"')[1:],
        default=literals.parse_time,
        samples=TIME_SAMPLES,
        imports=group_imports(
            models=[("datetime", "time")],
            schemas=[("app.core.schemas", "NaiveTime")],
            factory=[("datetime", "time")],
        ),
    )


def build_uuid(_declaration: Declaration) -> Kind:
    """Build the kind of `uuid`."""
    first, second = (f'"00000000-0000-0000-0000-00000000000{number}"' for number in (1, 2))
    return Kind(
        annotation="UUID",
        sql="uuid",
        migration="sa.Uuid()",
        filters=(Filter("", first, second),),
        samples=Samples("UUID(int=1)", first, second, "uuid4()", ('"x"',)),
        imports=group_imports(
            models=[("uuid", "UUID")], factory=[("uuid", "UUID")], unique=[("uuid", "uuid4")]
        ),
    )


def build_json(_declaration: Declaration) -> Kind:
    """Build the kind of `json`, which holds an object."""
    return Kind(
        annotation="dict[str, Any]",
        sql="jsonb",
        column="JSONB(none_as_null=True)",
        migration="postgresql.JSONB()",
        input="JsonObject",
        default=literals.parse_json,
        samples=Samples(
            '{"key": "value"}', '{"key": "value"}', '{"key": ["new"]}', invalid=('"x"', "[]")
        ),
        imports=group_imports(
            models=[("typing", "Any"), ("sqlalchemy.dialects.postgresql", "JSONB")],
            schemas=[("typing", "Any"), ("app.core.schemas", "JsonObject")],
            migration=[("sqlalchemy.dialects", "postgresql")],
        ),
    )
