"""The flags `min` and `max`: the bounds of numbers, and the minimum length of texts."""

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext

from chassis_tools.scaffolding.kinds import CONSTRAINED_IMPORTS, Filter, Kind, Samples
from chassis_tools.scaffolding.literals import Default, Import, literal
from chassis_tools.scaffolding.number_kinds import MAX_PRECISION
from manage.errors import CommandError

FLAGS = ("min", "max")
NUMBERS = ("int", "bigint", "float", "decimal")
TEXTS = ("str", "text")
# Floats from -1e15 to 1e15 differ by less than 1 from their neighbors.
LARGEST_FLOAT = 10**15
# The tests of a unique field create several rows.
FEWEST_UNIQUE = 10
MOST_NUMBERED = 10**9
EXACT = Context(prec=2 * MAX_PRECISION)
MAX_DIGITS = 8
CHECK_IMPORT = ("sqlalchemy", "CheckConstraint")
INTEGER_IMPORTS = [("pydantic", "BeforeValidator"), ("app.core.schemas", "reject_boolean")]

Parser = Callable[[str], Default]


@dataclass(frozen=True)
class Numbers:
    """The numbers that a column can store, and the bounds of a field."""

    type: str
    step: Decimal | None
    """Difference between adjacent numbers; None for floats."""
    smallest: Decimal
    largest: Decimal
    low: Decimal | None
    high: Decimal | None

    def contains(self, number: Decimal) -> bool:
        """Return True if a number is within the bounds."""
        low = self.smallest if self.low is None else self.low
        return low <= number <= (self.largest if self.high is None else self.high)

    @property
    def unit(self) -> Decimal:
        """Difference between samples."""
        return self.step or Decimal(1)

    @property
    def arguments(self) -> list[str]:
        """The bounds as arguments of Pydantic's `Field`."""
        lowest = [] if self.low is None else [f"ge={self._format_argument(self.low)}"]
        highest = [] if self.high is None else [f"le={self._format_argument(self.high)}"]
        if self.type in ("int", "bigint"):
            bits = 31 if self.type == "int" else 63
            return [*(lowest or [f"ge=-(2**{bits})"]), *(highest or [f"lt=2**{bits}"])]
        return lowest + highest

    def _format_argument(self, number: Decimal) -> str:
        text = self.format_bound(number)
        return f'Decimal("{text}")' if self.type == "decimal" and "." in text else text

    def format_bound(self, number: Decimal) -> str:
        """Return a bound as SQL, without zeros at the end of its fraction."""
        if number == number.to_integral_value():
            return f"{number:.0f}"
        text = self.format_value(number)
        return text if self.type == "float" else text.rstrip("0")

    def format_value(self, number: Decimal) -> str:
        """Return a number with all digits of the scale."""
        return repr(float(number)) if self.type == "float" else f"{number:f}"

    def format_sample(self, number: Decimal) -> str:
        """Return a number as Python source."""
        value = self.format_value(number)
        return f'Decimal("{value}")' if self.type == "decimal" else value

    def format_payload(self, number: Decimal) -> str:
        """Return a number as a client sends it."""
        value = self.format_value(number)
        return literal(value) if self.type == "decimal" else value

    def format_condition(self, column: str) -> str:
        """Return the condition of the CHECK constraint."""
        limits = zip((">=", "<="), self.limits, strict=True)
        return " AND ".join(
            f"{column} {operator} {self.format_bound(limit)}"
            for operator, limit in limits
            if limit is not None
        )

    @property
    def limits(self) -> tuple[Decimal | None, Decimal | None]:
        """The bounds."""
        return self.low, self.high

    def select_samples(self, kind: Kind) -> tuple[Decimal, Decimal]:
        """Return two numbers within the bounds: the kind's own samples, if possible.

        The first one is not the smallest or largest number of the type, so that filters can have
        values on both sides of it.
        """
        numbers = [number for number in self._find_candidates(kind) if self.contains(number)]
        first = next(one for one in numbers if self.smallest < one < self.largest)
        return first, next(number for number in numbers if number != first)

    def _find_candidates(self, kind: Kind) -> Iterator[Decimal]:
        for text in (kind.samples.payload, kind.samples.change):
            yield Decimal(text.strip('"'))
        if self.low is not None:
            yield from (self.low, self.low + self.unit)
        if self.high is not None:
            yield from (self.high, self.high - self.unit)

    def format_unique(self, name: str) -> str:
        """Return an expression that uses the variable `number`; empty for floats."""
        if self.step is None:
            return ""
        first = int((self.smallest if self.low is None else self.low) / self.step)
        last = int((self.largest if self.high is None else self.high) / self.step)
        if self.low is None and last >= FEWEST_UNIQUE:
            first = 1
        size = min(last - first + 1, MOST_NUMBERED)
        if size < FEWEST_UNIQUE:
            raise CommandError(f"{name} cannot be unique: only {size} values are allowed")
        number = "number" if size == MOST_NUMBERED else f"number % {size}"
        shifted = f"{first} + {number}" if first else number
        if self.type == "decimal":
            return f"Decimal({shifted}).scaleb({self.step.adjusted()})"
        return shifted


def add_bounds(name: str, type_: str, kind: Kind, flags: dict[str, str]) -> Kind:
    """Return the kind with the bounds that the flags set."""
    given = [flag for flag in FLAGS if flag in flags]
    if not given:
        return kind
    if type_ in TEXTS and "max" in flags:
        raise CommandError(f"{name}: write the maximum length after the type, as in {type_}:100")
    if type_ in TEXTS:
        return require_length(name, kind, flags)
    if type_ not in NUMBERS or kind.default is None:
        raise CommandError(f"{name}: the type {type_} does not support {given[0]}")
    with localcontext(EXACT):
        low, high = (parse_bound(name, type_, kind.default, flags, flag) for flag in FLAGS)
        if low is not None and high is not None and low >= high:
            raise CommandError(f"{name}: min must be less than max")
        numbers = build_numbers(type_, kind, low, high)
        reject_default(name, kind.default, flags, numbers)
        return bound_numbers(name, kind, numbers, is_unique="unique" in flags)


def parse_bound(
    name: str, type_: str, parse: Parser, flags: dict[str, str], flag: str
) -> Decimal | None:
    """Parse the value of `min` or `max`; None without the flag."""
    if flag not in flags:
        return None
    try:
        number = Decimal(parse(flags[flag]).sql)
    except ValueError as error:
        raise CommandError(f"{name}: {flag} must be {error}") from None
    if type_ == "float" and abs(number) > LARGEST_FLOAT:
        raise CommandError(f"{name}: {flag} must be a number from -1e15 to 1e15")
    return number


def build_numbers(type_: str, kind: Kind, low: Decimal | None, high: Decimal | None) -> Numbers:
    """Return the numbers of a type, with the bounds of the field."""
    if type_ == "float":
        largest = Decimal(2 * LARGEST_FLOAT)
        return Numbers(type_, None, -largest, largest, low, high)
    if type_ == "decimal":
        precision, scale = map(int, kind.sql.removeprefix("numeric(")[:-1].split(","))
        step = Decimal(1).scaleb(-scale)
        largest = (10**precision - 1) * step
        return Numbers(type_, step, -largest, largest, low, high)
    size = Decimal(2) ** (31 if type_ == "int" else 63)
    return Numbers(type_, Decimal(1), -size, size - 1, low, high)


def reject_default(name: str, parse: Parser, flags: dict[str, str], numbers: Numbers) -> None:
    """Reject a default outside the bounds; an invalid one is rejected later."""
    with suppress(ValueError):
        if "default" in flags and not numbers.contains(Decimal(parse(flags["default"]).sql)):
            raise CommandError(f"{name}: the default {flags['default']} is outside min and max")


def bound_numbers(name: str, kind: Kind, numbers: Numbers, *, is_unique: bool) -> Kind:
    """Return the kind with the bounds in its schema, its CHECK constraint and its samples."""
    schemas = [*CONSTRAINED_IMPORTS, *INTEGER_IMPORTS * (numbers.type in ("int", "bigint"))]
    return replace(
        kind,
        constraint=format_constraint(kind, numbers),
        condition=numbers.format_condition(name),
        filter_type=kind.filter_type or kind.input,
        filters=build_filters(kind, numbers),
        samples=build_samples(name, kind, numbers, is_unique=is_unique),
        imports=add_imports(kind, schemas),
    )


def format_constraint(kind: Kind, numbers: Numbers) -> str:
    """Return the constrained type of a number."""
    arguments = ", ".join(numbers.arguments)
    if numbers.type == "float":
        return f"Annotated[FiniteFloat, Field({arguments})]"
    if numbers.type == "decimal":
        constraint = (
            kind.constraint if numbers.low is None else kind.constraint.replace("gt=-1, ", "")
        )
        constraint = constraint if numbers.high is None else constraint.replace("lt=1, ", "")
        return constraint.replace(")]", f", {arguments})]")
    # Pydantic cannot add bounds to a type with a validator, such as Int32, in JSON Schema.
    return f"Annotated[int, Field({arguments}), BeforeValidator(reject_boolean)]"


def build_filters(kind: Kind, numbers: Numbers) -> tuple[Filter, ...]:
    """Return the kind's filters with values around the sample."""
    sample, _ = numbers.select_samples(kind)
    above = numbers.format_payload(sample + numbers.unit)
    misses = {"lte": numbers.format_payload(sample - numbers.unit)}
    match = numbers.format_payload(sample)
    return tuple(
        Filter(operator, match, misses.get(operator, above)) for operator, _, _ in kind.filters
    )


def build_samples(name: str, kind: Kind, numbers: Numbers, *, is_unique: bool) -> Samples:
    """Return samples within the bounds, and a value outside of each."""
    sample, change = numbers.select_samples(kind)
    outside = [] if numbers.low is None else [numbers.low - numbers.unit]
    outside += [] if numbers.high is None else [numbers.high + numbers.unit]
    return Samples(
        factory=numbers.format_sample(sample),
        payload=numbers.format_payload(sample),
        change=numbers.format_payload(change),
        unique=numbers.format_unique(name) if is_unique else kind.samples.unique,
        invalid=(*kind.samples.invalid, *map(numbers.format_payload, outside)),
        ordered=tuple(map(numbers.format_sample, sorted([sample, change]))),
    )


def require_length(name: str, kind: Kind, flags: dict[str, str]) -> Kind:
    """Return the kind of a text with a minimum length."""
    longest = int(kind.constraint.rpartition("=")[2].removesuffix(")]"))
    text = flags["min"]
    shortest = int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 0
    if not 1 <= shortest <= longest:
        raise CommandError(f"{name}: min must be a whole number from 1 to {longest}")
    if "default" in flags and len(flags["default"].strip()) < shortest:
        raise CommandError(f"{name}: the default {flags['default']!r} is shorter than min")
    return replace(
        kind,
        constraint=kind.constraint.replace("min_length=1", f"min_length={shortest}"),
        condition=f"char_length({name}) >= {shortest}",
        samples=pad_samples(kind.samples, shortest),
        imports=add_imports(kind, []),
    )


def pad_samples(samples: Samples, shortest: int) -> Samples:
    """Return samples of a text that have the minimum length."""
    too_short = [f'"x" * {shortest - 1}'] if shortest > 1 else []
    return Samples(
        factory=pad(samples.factory, shortest),
        payload=pad(samples.payload, shortest),
        change=pad(samples.change, shortest),
        unique=f'{samples.unique}.ljust({shortest}, "x")' if samples.unique else "",
        invalid=(*samples.invalid, *too_short),
        ordered=tuple(pad(text, shortest) for text in samples.ordered),
    )


def pad(text: str, length: int) -> str:
    """Return an expression that appends letters to a literal that is too short."""
    return text if len(ast.literal_eval(text)) >= length else f'{text}.ljust({length}, "x")'


def add_imports(kind: Kind, schemas: Iterable[Import]) -> dict[str, frozenset[Import]]:
    """Return the kind's imports, with those of the CHECK constraint and of the schemas."""
    added = {"models": [CHECK_IMPORT], "schemas": schemas}
    return kind.imports | {
        file: kind.imports.get(file, frozenset()) | {*imports} for file, imports in added.items()
    }
