"""The kinds of text fields: `str`, `text`, `email`, `url` and `enum`."""

import re
from functools import partial

from chassis_tools.scaffolding import literals
from chassis_tools.scaffolding.kinds import (
    CONSTRAINED_IMPORTS,
    Declaration,
    Filter,
    Kind,
    Samples,
    group_imports,
    parse_whole_number,
)
from chassis_tools.scaffolding.literals import literal
from chassis_tools.scaffolding.names import to_class_name, to_member_name
from manage.errors import CommandError

MAX_LENGTH = 10_000
DEFAULT_LENGTH = 255
# A page with 100 rows of the longest texts is 40 MB.
MAX_TEXT_LENGTH = 100_000
DEFAULT_TEXT_LENGTH = 20_000
URL_LENGTH = 2000
EMAIL_LENGTH = 254
CHOICE_LENGTH = 50
STRING_IMPORT = ("sqlalchemy", "String")
CHOICE_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}")


def build_string(declaration: Declaration) -> Kind:
    """Build the kind of `str` or `str:200`."""
    [argument] = declaration.arguments or [str(DEFAULT_LENGTH)]
    length = parse_whole_number(argument, declaration, largest=MAX_LENGTH)
    sample = declaration.label[:length].rstrip()  # Schemas strip whitespace.
    return Kind(
        annotation="str",
        sql=f"varchar({length})",
        column=f"String({length})",
        migration=f"sa.String({length})",
        constraint=f"Annotated[str, Field(min_length=1, max_length={length})]",
        filter_type="str",
        filters=(Filter("icontains", literal(sample[1:4].upper() or sample), '"%"'),),
        default=partial(literals.parse_text, length=length),
        length=length,
        samples=build_string_samples(sample, declaration.label, length),
        imports=group_imports(models=[STRING_IMPORT], schemas=CONSTRAINED_IMPORTS),
    )


def build_string_samples(sample: str, label: str, length: int) -> Samples:
    """Return samples that fit the length."""
    numbered = f"{label} {{number}}"
    fits = length >= len(numbered)
    return Samples(
        factory=literal(sample),
        payload=literal(sample),
        change=build_change(sample, length),
        unique=f'f"{numbered}"' if fits else f"str(number % {10 ** min(length, 9)})",
        invalid=('""', f'"x" * {length + 1}'),
        ordered=('"A"', '"B"'),
    )


def build_change(sample: str, length: int) -> str:
    """Return another value than the sample."""
    return literal("New"[:length] if sample[:3] != "New"[:length] else "X")


def build_text(declaration: Declaration) -> Kind:
    """Build the kind of `text` or `text:50000`."""
    [argument] = declaration.arguments or [str(DEFAULT_TEXT_LENGTH)]
    length = parse_whole_number(argument, declaration, largest=MAX_TEXT_LENGTH)
    sample = declaration.label[:length].rstrip()
    return Kind(
        annotation="str",
        sql="text",
        column="Text",
        migration="sa.Text()",
        constraint=f"Annotated[str, Field(min_length=1, max_length={length})]",
        default=partial(literals.parse_text, length=length),
        samples=Samples(
            factory=literal(sample),
            payload=literal(sample),
            change=build_change(sample, length),
            invalid=('""', '"a\\0b"', f'"x" * {length + 1}'),
        ),
        imports=group_imports(models=[("sqlalchemy", "Text")], schemas=CONSTRAINED_IMPORTS),
    )


def build_email(declaration: Declaration) -> Kind:
    """Build the kind of `email`."""
    local = declaration.name.replace("_", ".")
    return Kind(
        annotation="str",
        sql=f"varchar({EMAIL_LENGTH})",
        column=f"String({EMAIL_LENGTH})",
        migration=f"sa.String({EMAIL_LENGTH})",
        input="Email",
        filters=(Filter("", f'"{local.title()}@example.com"', f'"not.{local}@example.com"'),),
        samples=Samples(
            factory=f'"{local}@example.com"',
            payload=f'"{local}@example.com"',
            change='"new@example.com"',
            unique=f'f"{local}{{number}}@example.com"',
            invalid=('"x"',),
            ordered=('"a@example.com"', '"b@example.com"'),
        ),
        imports=group_imports(models=[STRING_IMPORT], schemas=[("app.core.schemas", "Email")]),
    )


def build_url(declaration: Declaration) -> Kind:
    """Build the kind of `url`, for http and https."""
    address = f"https://example.com/{declaration.name.replace('_', '-')}"
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
        imports=group_imports(models=[STRING_IMPORT], schemas=[("app.core.schemas", "WebUrl")]),
    )


def build_enum(declaration: Declaration) -> Kind:
    """Build the kind of `enum:draft/published`."""
    choices = parse_choices(declaration)
    name = declaration.resource + to_class_name(declaration.name)
    first, last = literal(choices[0]), literal(choices[-1])
    miss = [] if first == last else [last]
    return Kind(
        annotation=name,
        sql=f"varchar({CHOICE_LENGTH})",
        column=f"text_enum({name})",
        migration=f"sa.String({CHOICE_LENGTH})",
        filters=tuple(Filter("", first, value) for value in miss),
        default=partial(literals.parse_choice, choices=choices, class_name=name),
        choices=tuple(choices),
        samples=Samples(first, first, last, invalid=('"no such choice"',)),
        imports=group_imports(models=[("enum", "StrEnum"), ("app.core.models", "text_enum")]),
    )


def parse_choices(declaration: Declaration) -> list[str]:
    """Return the values between the slashes."""
    choices = declaration.arguments[0].split("/") if declaration.arguments else []
    if not choices:
        raise CommandError(
            f"{declaration.name}: an enum needs its values, as in enum:draft/published"
        )
    for value in choices:
        if not CHOICE_PATTERN.fullmatch(value) or value == "mro":
            raise CommandError(
                f"{declaration.name}: {value!r} is not a valid choice: use at most {CHOICE_LENGTH}"
                " ASCII letters, digits and underscores, starting with a letter"
            )
    if len(set(choices)) < len(choices):
        raise CommandError(f"{declaration.name}: a choice is given twice")
    members: dict[str, str] = {}
    for value in choices:
        other = members.setdefault(to_member_name(value), value)
        if other != value:
            raise CommandError(
                f"{declaration.name}: the choices {other} and {value} would both be the member"
                f" {to_member_name(value)}: rename one of them"
            )
    return choices
