"""A generator of valid values for OpenAPI schemas; most of its strings contain a given prefix."""

import re
from collections.abc import Callable, Iterator, Mapping
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

sequence = count(1001)


class ExampleGenerator:
    """Generates values; strings are unique per test run if their maximum length allows it."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def generate(self, schema: Schema, get_reference: ReferenceLookup, name: str = "") -> Any:
        """Return a valid value, or None if none can be generated."""
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                return self._generate_object(schema, get_reference)
            case "array":
                item = self.generate(schema.get("items", {}), get_reference, name)
                return [item] * max(1, schema.get("minItems", 0))
            case "boolean":
                return schema.get("default", True)
            case "integer":
                return generate_integer(schema)
            case "number":
                return generate_number(schema)
            case _:
                is_reference = schema.get("format") == "uuid"
                return get_reference(name) if is_reference else self.generate_text(schema)

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

    def _generate_object(self, schema: Schema, get_reference: ReferenceLookup) -> dict[str, Any]:
        """Return the values of the properties for which a value can be generated."""
        properties: Mapping[str, Schema] = schema.get("properties", {})
        values = {
            name: self.generate(inner, get_reference, name) for name, inner in properties.items()
        }
        return {name: value for name, value in values.items() if value is not None}


def generate_formatted_text(format_name: str, text: str) -> str | None:
    """Return a string of an OpenAPI format, or None if the format allows any string."""
    number = next(sequence)
    moment = datetime.now(UTC) + timedelta(days=1, seconds=number)
    day = moment + timedelta(days=number % 300)
    examples = {
        "email": f"{text}@example.com",
        "uri": f"https://example.com/{text}",
        "date-time": moment.isoformat(),
        "date": day.date().isoformat(),
        "time": moment.strftime("%H:%M:%S"),
        "duration": "P1D",
        "ipv4": "192.0.2.1",
        "ipv6": "2001:db8::1",
    }
    return examples.get(format_name)


def generate_integer(schema: Schema) -> int:
    """Return an integer within the bounds, different on each call if the bounds allow it."""
    minimum, step = int(generate_number(schema)), int(schema.get("multipleOf", 1))
    size = 1 + (int(schema["maximum"]) - minimum) // step if "maximum" in schema else INTEGER_RANGE
    return minimum + step * (next(sequence) % size)


def generate_number(schema: Schema) -> float:
    """Return a number within the bounds."""
    minimum = schema.get("minimum", schema.get("exclusiveMinimum"))
    maximum = schema.get("maximum", schema.get("exclusiveMaximum"))
    number = 1 if minimum is None else minimum
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
    """Return the names of the reference fields that may be omitted."""
    return find_references(schema) - set(schema.get("required", ()))


def get_unknown_reference(_name: str) -> str:
    """Return a random id, which no row has."""
    return str(uuid4())
