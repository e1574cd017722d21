"""The field types for text: `str`, `text`, `email`, `url` and `enum`."""

import re
from functools import partial

from chassis_tools.scaffolding import literals
from chassis_tools.scaffolding.kinds import (
    CONSTRAINED,
    Filter,
    Kind,
    Samples,
    Words,
    imports,
    whole_number,
)
from chassis_tools.scaffolding.literals import literal
from chassis_tools.scaffolding.names import class_name
from manage.errors import CommandError

MAX_LENGTH = 10_000
DEFAULT_LENGTH = 255
URL_LENGTH = 2000
EMAIL_LENGTH = 254
CHOICE_LENGTH = 50
STRING = ("sqlalchemy", "String")
CHOICE = re.compile(r"[a-z][a-z0-9_]{0,49}")


def string(words: Words) -> Kind:
    """Build the kind of `str`, or of `str:200`."""
    [given] = words.arguments or [str(DEFAULT_LENGTH)]
    length = whole_number(given, words, largest=MAX_LENGTH)
    sample = words.label[:length].rstrip()  # Schemas strip whitespace.
    return Kind(
        annotation="str",
        sql=f"varchar({length})",
        column=f"String({length})",
        migration=f"sa.String({length})",
        constraint=f"Annotated[str, Field(min_length=1, max_length={length})]",
        filter_type="str",
        filters=(Filter("contains", literal(sample[1:4].upper() or sample), '"%"'),),
        default=partial(literals.text, length=length),
        length=length,
        samples=string_samples(sample, words.label, length),
        imports=imports(models=[STRING], schemas=CONSTRAINED),
    )


def string_samples(sample: str, label: str, length: int) -> Samples:
    """Return samples that fit the length."""
    numbered = f"{label} {{number}}"
    roomy = length >= len(numbered)
    return Samples(
        factory=literal(sample),
        payload=literal(sample),
        change=literal("New"[:length] if sample[:3] != "New"[:length] else "X"),
        unique=f'f"{numbered}"' if roomy else f"str(number % {10 ** min(length, 9)})",
        invalid=('""', f'"x" * {length + 1}'),
        ordered=('"A"', '"B"'),
    )


def long_text(words: Words) -> Kind:
    """Build the kind of `text`."""
    return Kind(
        annotation="str",
        sql="text",
        column="Text",
        migration="sa.Text()",
        constraint="Annotated[str, Field(min_length=1)]",
        default=literals.text,
        samples=Samples(
            factory=literal(words.label),
            payload=literal(words.label),
            change='"New"',
            invalid=('""', '"a\\0b"'),
        ),
        imports=imports(models=[("sqlalchemy", "Text")], schemas=CONSTRAINED),
    )


def email(words: Words) -> Kind:
    """Build the kind of `email`."""
    local = words.name.replace("_", ".")
    return Kind(
        annotation="str",
        sql=f"varchar({EMAIL_LENGTH})",
        column=f"String({EMAIL_LENGTH})",
        migration=f"sa.String({EMAIL_LENGTH})",
        input="Email",
        filters=(Filter("", f'"{local.title()}@example.com"', '"nobody@example.com"'),),
        samples=Samples(
            factory=f'"{local}@example.com"',
            payload=f'"{local}@example.com"',
            change='"new@example.com"',
            unique=f'f"{local}{{number}}@example.com"',
            invalid=('"x"',),
            ordered=('"a@example.com"', '"b@example.com"'),
        ),
        imports=imports(models=[STRING], schemas=[("app.core.schemas", "Email")]),
    )


def url(words: Words) -> Kind:
    """Build the kind of `url`, for http and https."""
    address = f"https://example.com/{words.name.replace('_', '-')}"
    return Kind(
        annotation="str",
        sql=f"varchar({URL_LENGTH})",
        column=f"String({URL_LENGTH})",
        migration=f"sa.String({URL_LENGTH})",
        input="WebUrl",
        filter_type="str",
        samples=Samples(
            factory=f'"{address}"',
            payload=f'"{address}"',
            change='"https://example.com/new"',
            unique=f'f"{address}/{{number}}"',
            invalid=('"x"', '"javascript:alert(1)"'),
        ),
        imports=imports(models=[STRING], schemas=[("app.core.schemas", "WebUrl")]),
    )


def choice(words: Words) -> Kind:
    """Build the kind of `enum:draft/published`."""
    choices = parse_choices(words)
    name = words.resource + class_name(words.name)
    first, last = literal(choices[0]), literal(choices[-1])
    miss = [] if first == last else [last]
    return Kind(
        annotation=name,
        sql=f"varchar({CHOICE_LENGTH})",
        column=f"text_enum({name})",
        migration=f"sa.String({CHOICE_LENGTH})",
        filters=tuple(Filter("", first, value) for value in miss),
        default=partial(literals.choice, choices=choices, class_name=name),
        choices=tuple(choices),
        samples=Samples(first, first, last, invalid=('"no such choice"',)),
        imports=imports(models=[("enum", "StrEnum"), ("app.core.models", "text_enum")]),
    )


def parse_choices(words: Words) -> list[str]:
    """Return the values between the slashes."""
    choices = words.arguments[0].split("/") if words.arguments else []
    if not choices:
        raise CommandError(f"{words.name}: an enum needs its values, as in enum:draft/published")
    for value in choices:
        if not CHOICE.fullmatch(value) or value == "mro":
            raise CommandError(
                f"{words.name}: {value!r} is not a valid choice: use at most {CHOICE_LENGTH}"
                " lower-case letters, digits and underscores, a letter first"
            )
    if len(set(choices)) < len(choices):
        raise CommandError(f"{words.name}: a choice is given twice")
    return choices
