"""Python and SQL literals of defaults and samples."""

import re
import sys
from collections.abc import Collection
from datetime import date, time
from decimal import Context, Decimal, InvalidOperation
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from chassis_tools.scaffolding.names import member_name, snake_case

Import = tuple[str, str]
"""A module and what is imported from it."""


def literal(value: object) -> str:
    """A literal as ruff writes it: in double quotes unless the text holds some."""
    if not isinstance(value, str) or '"' in value:
        return repr(value)
    return '"' + repr(f'"{value}')[2:-1].replace("\\'", "'") + '"'


def import_lines(imports: Collection[Import]) -> list[str]:
    """A line for each module, the standard library's first."""
    own = {module for module, _ in imports if module.partition(".")[0] in sys.stdlib_module_names}
    lines: dict[bool, list[str]] = {True: [], False: []}
    for module, members in groupby(sorted(set(imports)), key=itemgetter(0)):
        names = ", ".join(name for _, name in members)
        lines[module in own].append(f"from {module} import {names}")
    between = [""] if all(lines.values()) else []
    return [*lines[True], *between, *lines[False]]


# What linters take for a secret by its name, and what else lets somebody in or tells who it is.
WORDS = (
    r"pas+wo?r?ds?|pass(phrase|code)?s?|pwd?s?|pw_?hash|tokens?|secrete?s?|credentials?|totp|hotp|otp"
    r"|salts?|pins?|ssn|cvv|cvc|auth_?hash"
    r"|(api|private|access|secret|signing|encryption|session|auth|master|ssh|pgp)_?keys?"
)
# Databases fold `resetToken` to one word.
FOLDED = (
    r"pas+word|passwd|passphrase|credential|(api|private|access|secret)key"
    r"|(access|refresh|reset|auth|session|login|csrf|api)token"
)
SECRET = re.compile(rf"(^|_)({WORDS})($|_)|{FOLDED}")


def is_secret(name: str) -> bool:
    """Whether a name, in whatever spelling, is that of a secret."""
    return SECRET.search(snake_case(name)) is not None


# No longer than what `bigint` holds, so that `int` accepts it.
WHOLE = re.compile(r"-?[0-9]{1,19}")


class Default(NamedTuple):
    """A default as source text."""

    python: str
    """In the schema."""
    server: str
    """In the model."""
    sql: str
    shown: str = ""
    """As an answer shows it, if it is always the same."""
    models: tuple[Import, ...] = ()
    """What the model imports for it."""
    schemas: tuple[Import, ...] = ()
    """What the schemas import for it."""

    @property
    def migration(self) -> str:
        """In a migration of Alembic's."""
        return self.server if self.server[0] in "'\"" else f"sa.{self.server}"


def expression(python: str, sql: str, shown: str) -> Default:
    """A default that SQL writes without quotes."""
    return Default(python, f"text({literal(sql)})", sql, shown, (("sqlalchemy", "text"),))


def in_quotes(value: str, python: str) -> Default:
    """A default that SQL writes in quotes."""
    return Default(python, literal(value), "'" + value.replace("'", "''") + "'", literal(value))


def boolean(value: str) -> Default:
    """`true` or `false`."""
    name = value.lower()
    if name not in ("true", "false"):
        raise ValueError("true or false")
    python = name.capitalize()
    return Default(python, f"{name}()", name, python, (("sqlalchemy", name),))


def integer(value: str, *, bits: int) -> Default:
    """A whole number."""
    limit = 2 ** (bits - 1)
    if not WHOLE.fullmatch(value) or not -limit <= int(value) < limit:
        raise ValueError(f"a whole number of {bits} bits")
    written = str(int(value))
    return expression(written, written, written)


def floating(value: str) -> Default:
    """A finite number."""
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if number - number != 0:
        raise ValueError("a finite number")
    written = repr(number)
    return expression(written, written, written)


def decimal(value: str, *, digits: int, places: int) -> Default:
    """A number with so many digits altogether and behind the point."""
    message = f"a number of at most {digits} digits, {places} of them behind the point"
    try:
        number = Decimal(value).quantize(Decimal(1).scaleb(-places), context=Context(prec=digits))
    except InvalidOperation:
        raise ValueError(message) from None
    if number != Decimal(value) or abs(number) >= Decimal(10) ** (digits - places):
        raise ValueError(message)
    return expression(f'Decimal("{number:f}")', f"{number:f}", f'"{number:f}"')


def text(value: str, *, length: int | None = None) -> Default:
    """A text that a client might send."""
    if not value.strip() or not value.isprintable() or len(value) > (length or len(value)):
        raise ValueError(f"a text of 1 to {length} characters" if length else "a text")
    return in_quotes(value.strip(), literal(value.strip()))


def choice(value: str, *, choices: list[str], class_name: str) -> Default:
    """One of the choices."""
    if value not in choices:
        raise ValueError(" or ".join(choices))
    return in_quotes(value, f"{class_name}.{member_name(value)}")


def day(value: str) -> Default:
    """A day, or `today`."""
    if value == "today":
        factory = "Field(default_factory=date.today)"
        models, schemas = ("sqlalchemy", "func"), ("pydantic", "Field")
        return Default(factory, "func.current_date()", "CURRENT_DATE", "", (models,), (schemas,))
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise ValueError("today, or a day like 2026-01-31") from None
    return in_quotes(found.isoformat(), f"date({found.year}, {found.month}, {found.day})")


def moment(value: str) -> Default:
    """`now`."""
    if value != "now":
        raise ValueError("now")
    schemas = ("pydantic", "Field"), ("app.core.schemas", "utc_now")
    factory = "Field(default_factory=utc_now)"
    return Default(factory, "func.now()", "now()", "", (("sqlalchemy", "func"),), schemas)


def clock_time(value: str) -> Default:
    """A time like 09:30."""
    try:
        found = time.fromisoformat(value).replace(microsecond=0, tzinfo=None)
    except ValueError:
        raise ValueError("a time like 09:30 or 23:59:59") from None
    second = f", {found.second}" if found.second else ""
    return in_quotes(found.isoformat(), f"time({found.hour}, {found.minute}{second})")


def json_object(value: str) -> Default:
    """`{}`."""
    if value != "{}":
        raise ValueError("{}")
    models, schemas = ("sqlalchemy", "text"), ("pydantic", "Field")
    factory = "Field(default_factory=dict)"
    return Default(factory, "text(\"'{}'::jsonb\")", "'{}'::jsonb", "{}", (models,), (schemas,))
