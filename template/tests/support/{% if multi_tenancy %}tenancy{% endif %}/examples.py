"""A generator of valid values for OpenAPI schemas; most of its strings contain a given prefix."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from math import ceil
from string import ascii_letters, digits
from typing import Any
from uuid import uuid4

from tests.support.tenancy.openapi import Schema

# Returns the id of the row that a field or path parameter refers to, given its name.
ReferenceLookup = Callable[[str], str]

PATTERN_CHARACTERS = ascii_letters + digits + "-_.+# "
# A character set, character class or literal of a pattern, with its quantifier.
PATTERN_PART = re.compile(r"(\[[^\]]+\]|\\.|.)(?:\{(\d+)[^}]*\}|([+*?]))?")
REPEATED_CHARACTERS = 6  # for the quantifiers `+`, `*` and `?`
INTEGER_RANGE = 1_000_000
DIFFERENT_DAYS = 300
PAST_DAYS = 1000
# The largest difference between dates, times or numbers of a body.
SPREAD = 50
MORNING = datetime(2000, 1, 1, 8, tzinfo=UTC)
WORKING_SECONDS = 20_000

sequence = count(1001)


@dataclass(frozen=True)
class Variation:
    """A way to choose values, because fields may depend on each other."""

    # Each date, time or number is larger than the one before (1), smaller (-1) or equal (0).
    step: int = 1
    is_past: bool = False
    choice: int = 0  # the index of enumerated values; an odd one inverts booleans
    is_minimal: bool = False  # only required fields


FULL_VARIATIONS = (
    Variation(),
    Variation(step=-1),
    Variation(step=0),
    Variation(is_past=True),
    Variation(is_past=True, step=-1),
    Variation(choice=1),
    Variation(choice=2),
)
# Those that require the least change come first.
VARIATIONS = (*FULL_VARIATIONS, *(replace(each, is_minimal=True) for each in FULL_VARIATIONS))


class ExampleGenerator:
    """Generates values; strings are unique per test run if their maximum length allows it."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def generate(
        self,
        schema: Schema,
        get_reference: ReferenceLookup,
        name: str = "",
        *,
        variation: Variation = VARIATIONS[0],
    ) -> Any:
        """Return a valid value, or None if none can be generated."""
        return Example(get_reference, self.generate_text, variation).generate(schema, name)

    def generate_text(self, schema: Schema) -> str | None:
        """Return a valid string, which contains the prefix if the maximum length allows it."""
        number = next(sequence)
        unique = f"{self.prefix}{number}"
        if formatted := generate_formatted_text(schema.get("format", ""), unique):
            return formatted
        shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 200)
        plain = unique.ljust(shortest, "x")
        plain = plain if len(plain) <= longest else plain[-longest:]
        if (pattern := schema.get("pattern")) is None:
            return plain
        candidates = [plain, *generate_pattern_candidates(pattern, plain, number)]
        return next((text for text in candidates if is_valid_text(schema, text)), None)


@dataclass
class Example:
    """Generates one value; the dates, times and numbers of its fields differ by constants."""

    get_reference: ReferenceLookup
    generate_text: Callable[[Schema], str | None]
    variation: Variation
    number: int = field(default_factory=lambda: next(sequence))
    positions: Counter[str] = field(default_factory=Counter)  # of the last time and number

    def generate(self, schema: Schema, name: str = "") -> Any:
        """Return a valid value, or None if none can be generated."""
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][self.variation.choice % len(schema["enum"])]
        match schema.get("type"):
            case "object":
                return self._generate_object(schema)
            case "array":
                item = self.generate(schema.get("items", {}), name)
                return [item] * max(1, schema.get("minItems", 0))
            case "boolean":
                return schema.get("default", True) ^ bool(self.variation.choice % 2)
            case "integer":
                return self._generate_integer(schema)
            case "number":
                return self._generate_number(schema)
            case _:
                return self._generate_string(schema, name)

    def _generate_object(self, schema: Schema) -> dict[str, Any]:
        """Return the values of the properties for which a value can be generated."""
        properties: Mapping[str, Schema] = schema.get("properties", {})
        names = schema.get("required", ()) if self.variation.is_minimal else properties
        values = {name: self.generate(properties[name], name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def _generate_string(self, schema: Schema, name: str) -> str | None:
        match schema.get("format"):
            case "uuid":
                return self.get_reference(name)
            case "date":
                return self._generate_moment().date().isoformat()
            case "date-time":
                return self._generate_moment().isoformat()
            case "date-time-local":
                return self._generate_moment().replace(tzinfo=None).isoformat()
            case "time":
                return f"{self._generate_time()}Z"
            case "time-local":
                return self._generate_time()
            case _:
                return self.generate_text(schema)

    def _generate_time(self) -> str:
        seconds = self.number % WORKING_SECONDS
        moment = MORNING + timedelta(seconds=seconds, minutes=self._next_offset("time"))
        return moment.strftime("%H:%M:%S")

    def _generate_moment(self) -> datetime:
        days = 1 + self.number % DIFFERENT_DAYS + self._next_offset("time")
        days -= PAST_DAYS if self.variation.is_past else 0
        return datetime.now(UTC) + timedelta(days=days, seconds=self.number)

    def _generate_integer(self, schema: Schema) -> int:
        """Return an integer within the bounds, different on each call if the bounds allow it."""
        minimum, step = int(get_lowest_number(schema)), int(schema.get("multipleOf", 1))
        maximum = schema.get("maximum", minimum + step * INTEGER_RANGE)
        maximum = min(maximum, schema.get("exclusiveMaximum", maximum + 1) - 1)
        size = 1 + (int(maximum) - minimum) // step
        spread = min(SPREAD, size // 2)
        return minimum + step * (
            self.number % (size - spread) + self._next_offset("number", spread)
        )

    def _generate_number(self, schema: Schema) -> float:
        """Return a number within the bounds."""
        lowest = get_lowest_number(schema)
        number = lowest + self._next_offset("number") * schema.get("multipleOf", 1)
        is_allowed = number <= schema.get("maximum", number) and number < schema.get(
            "exclusiveMaximum", number + 1
        )
        return number if is_allowed else lowest

    def _next_offset(self, kind: str, spread: int = SPREAD) -> int:
        """Return the difference of the next time or number from the smallest of its kind."""
        self.positions[kind] += 1
        offset = min(self.positions[kind], spread)
        match self.variation.step:
            case 1:
                return offset
            case -1:
                return spread - offset
            case _:
                return 0


def generate_formatted_text(format_name: str, text: str) -> str | None:
    """Return a string of an OpenAPI format, or None if the format allows any string."""
    examples = {
        "email": f"{text}@example.com",
        "idn-email": f"{text}@example.com",
        "uri": f"https://example.com/{text}",
        "duration": "P1D",
        "ipv4": "192.0.2.1",
        "ipv6": "2001:db8::1",
    }
    return examples.get(format_name)


def get_lowest_number(schema: Schema) -> float:
    """Return a small number within the bounds, positive if the bounds allow it."""
    minimum = schema.get("minimum", schema.get("exclusiveMinimum"))
    maximum = schema.get("maximum", schema.get("exclusiveMaximum"))
    is_negative = minimum is not None and minimum < 0 and (maximum is None or maximum > 1)
    number = 1 if minimum is None or is_negative else minimum
    if "exclusiveMinimum" in schema:
        number = (
            minimum + 1 if maximum is None or minimum + 1 < maximum else (minimum + maximum) / 2
        )
    elif maximum is not None and number > maximum:
        number = maximum
    if step := schema.get("multipleOf"):
        number = ceil(number / step) * step
    return number


def generate_pattern_candidates(pattern: str, text: str, number: int) -> Iterator[str]:
    """Yield strings that may match a pattern: variants of `text`, and one built from its parts."""
    yield from (text.upper(), text.capitalize(), f"#{text}", f"+{text}")
    built = ""
    for part, times, sign in PATTERN_PART.findall(pattern.removeprefix("^").removesuffix("$")):
        allowed = [char for char in PATTERN_CHARACTERS if matches_pattern(part, char)] or [part]
        for _ in range(int(times or (REPEATED_CHARACTERS if sign else 1))):
            built += allowed[(number // 7 ** (len(built) % 4)) % len(allowed)]
    yield built


def matches_pattern(pattern: str, text: str) -> bool:
    r"""Return True if a string matches, or if `re` cannot compile the pattern, such as `\p{L}`."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


def is_valid_text(schema: Schema, text: str) -> bool:
    """Return True if a string has the length and pattern that a schema requires."""
    is_long_enough = schema.get("minLength", 0) <= len(text)
    is_matching = "pattern" not in schema or matches_pattern(schema["pattern"], text)
    return is_long_enough and len(text) <= schema.get("maxLength", len(text)) and is_matching


def find_references(schema: Schema) -> set[str]:
    """Return the names of the fields that may refer to rows."""
    names = set()
    for name, inner in schema.get("properties", {}).items():
        item = inner.get("items", inner)
        if item.get("format") == "uuid":
            names.add(name)
        names |= find_references(item)
    return names


def find_optional_references(schema: Schema) -> set[str]:
    """Return the names of the reference fields that may be omitted, except those of objects."""
    return {
        name
        for name, inner in schema.get("properties", {}).items()
        if inner.get("items", inner).get("format") == "uuid"
    } - set(schema.get("required", ()))


def get_unknown_reference(_name: str) -> str:
    """Return a random id, which no row has."""
    return str(uuid4())
