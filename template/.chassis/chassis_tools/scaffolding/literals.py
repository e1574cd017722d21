"""Python and SQL literals of defaults and samples."""

import math
import re
import sys
import unicodedata
from collections.abc import Collection
from datetime import date, time
from decimal import Context, Decimal, InvalidOperation
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from chassis_tools.scaffolding.names import to_member_name, to_snake_case

Import = tuple[str, str]
"""A module and the name that is imported from it."""

# Names that linters treat as secrets, and names of other credentials and personal identifiers.
CREDENTIALS = (
    r"pas+wo?r?ds?|pass(phrase|code)?s?|pwd?s?|pw_?hash|tokens?|secrete?s?|credentials?|totp|hotp|otp"
    r"|salts?|pins?|ssn|cvv|cvc|auth_?hash"
    r"|(api|private|access|secret|signing|encryption|session|auth|master|ssh|pgp)_?keys?"
)
# In lower case without underscores, as PostgreSQL folds an unquoted `resetToken` to `resettoken`.
FOLDED_CREDENTIALS = (
    r"pas+word|passwd|passphrase|credential|(api|private|access|secret)key"
    r"|(access|refresh|reset|auth|session|login|csrf|api)token"
)
SECRET = re.compile(rf"(^|_)({CREDENTIALS})($|_)|{FOLDED_CREDENTIALS}")
# The current date in UTC, whatever the session's time zone is, as PostgreSQL's catalog shows it.
UTC_TODAY = "date(timezone('utc'::text, now()))"
TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")
JOINERS = {"\u200c", "\u200d"}
# Flags of England, Scotland, Wales and others: a black flag, and a code of invisible characters.
TAGGED_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
# At most as many digits as a `bigint`, because `int()` rejects very long numbers.
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")


class Default(NamedTuple):
    """The default of a field, as source text."""

    python: str
    """The Python default in the schema."""
    server: str
    """The argument `server_default` of the model's column."""
    sql: str
    """The SQL expression in CREATE TABLE."""
    response: str = ""
    """The value in a response, as Python; empty if it depends on the time."""
    models: tuple[Import, ...] = ()
    """Imports that the model needs for it."""
    schemas: tuple[Import, ...] = ()
    """Imports that the schemas need for it."""

    @property
    def migration(self) -> str:
        """The argument `server_default` of an Alembic migration's column."""
        return self.server if self.server[0] in "'\"" else f"sa.{self.server}"


def literal(value: object) -> str:
    """Return a Python literal as ruff formats it."""
    if not isinstance(value, str) or '"' in value:
        return repr(value)
    return '"' + repr(f'"{value}')[2:-1].replace("\\'", "'") + '"'


def format_imports(imports: Collection[Import]) -> list[str]:
    """Return one import line for each module, with the standard library first."""
    stdlib = {name for name, _ in imports if name.partition(".")[0] in sys.stdlib_module_names}
    lines: dict[bool, list[str]] = {True: [], False: []}
    for module, members in groupby(sorted(set(imports), key=get_import_order), key=itemgetter(0)):
        names = ", ".join(name for _, name in members)
        lines[module in stdlib].append(f"from {module} import {names}")
    separator = [""] if all(lines.values()) else []
    return [*lines[True], *separator, *lines[False]]


def get_import_order(item: Import) -> tuple[str, bool, str]:
    """Return the sort key of an import, as isort orders them: constants before classes."""
    module, name = item
    return module, not name.isupper(), name


def is_secret(name: str) -> bool:
    """Return True if a name, in any spelling, indicates a secret."""
    return SECRET.search(to_snake_case(name)) is not None


def build_unquoted_default(python: str, sql: str, response: str) -> Default:
    """Return a default that SQL writes without quotes."""
    return Default(python, f"text({literal(sql)})", sql, response, (("sqlalchemy", "text"),))


def build_quoted_default(value: str, python: str) -> Default:
    """Return a default that SQL writes in quotes."""
    return Default(python, literal(value), "'" + value.replace("'", "''") + "'", literal(value))


def parse_boolean(value: str) -> Default:
    """Parse `true` or `false`."""
    name = value.lower()
    if name not in ("true", "false"):
        raise ValueError("true or false")
    python = name.capitalize()
    return Default(python, f"{name}()", name, python, (("sqlalchemy", name),))


def parse_integer(value: str, *, bits: int) -> Default:
    """Parse a whole number."""
    limit = 2 ** (bits - 1)
    if not WHOLE_NUMBER.fullmatch(value) or not -limit <= int(value) < limit:
        raise ValueError(f"a whole number of {bits} bits")
    source = str(int(value))
    return build_unquoted_default(source, source, source)


def parse_float(value: str) -> Default:
    """Parse a finite number."""
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not math.isfinite(number):
        raise ValueError("a finite number")
    source = repr(number + 0.0)  # PostgreSQL has no negative zero in numeric literals.
    return build_unquoted_default(source, source, source)


def parse_decimal(value: str, *, precision: int, scale: int) -> Default:
    """Parse a number of at most `precision` digits, `scale` of them after the decimal point."""
    message = f"a number of at most {precision} digits, {scale} of them after the point"
    try:
        number = Decimal(value).quantize(Decimal(1).scaleb(-scale), context=Context(prec=precision))
    except InvalidOperation:
        raise ValueError(message) from None
    if number != Decimal(value) or abs(number) >= Decimal(10) ** (precision - scale):
        raise ValueError(message)
    number = abs(number) if number == 0 else number  # PostgreSQL has no negative zero.
    return build_unquoted_default(f'Decimal("{number:f}")', f"{number:f}", f'"{number:f}"')


def parse_text(value: str, *, length: int | None = None) -> Default:
    """Parse a text that a client may send."""
    if not value.strip() or not is_visible(value) or len(value) > (length or len(value)):
        limit = f" of 1 to {length} characters" if length else ""
        raise ValueError(f"printable text{limit}")
    return build_quoted_default(value.strip(), literal(value.strip()))


def is_visible(text: str) -> bool:
    """Return True if a text is printable; emoji may be joined, or newer than this Python."""
    allowed = JOINERS | {char for char in text if unicodedata.category(char) == "Cn"}
    visible = TAGGED_FLAG.sub("", text)
    return "".join(char for char in visible if char not in allowed).isprintable()


def parse_choice(value: str, *, choices: list[str], class_name: str) -> Default:
    """Parse one of the choices."""
    if value not in choices:
        raise ValueError(" or ".join(choices))
    return build_quoted_default(value, f"{class_name}.{to_member_name(value)}")


def parse_date(value: str) -> Default:
    """Parse a date, or `today` (in UTC)."""
    if value == "today":
        factory = "Field(default_factory=utc_today)"
        schemas = ("pydantic", "Field"), ("app.core.clock", "utc_today")
        server = f"text({literal(UTC_TODAY)})"
        return Default(factory, server, UTC_TODAY, "", (("sqlalchemy", "text"),), schemas)
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("today, or a date such as 2026-01-31") from None
    return build_quoted_default(day.isoformat(), f"date({day.year}, {day.month}, {day.day})")


def parse_datetime(value: str) -> Default:
    """Parse `now`, the only default of a timestamp."""
    if value != "now":
        raise ValueError("now")
    schemas = ("pydantic", "Field"), ("app.core.clock", "utc_now")
    factory = "Field(default_factory=utc_now)"
    return Default(factory, "func.now()", "now()", "", (("sqlalchemy", "func"),), schemas)


def parse_time(value: str) -> Default:
    """Parse a time such as 09:30."""
    # `time.fromisoformat` accepts more, and cuts some of it.
    if not TIME.fullmatch(value):
        raise ValueError("a time such as 09:30 or 23:59:59, without an offset")
    parsed = time.fromisoformat(value)
    second = f", {parsed.second}" if parsed.second else ""
    python = f"time({parsed.hour}, {parsed.minute}{second})"
    return build_quoted_default(parsed.isoformat(), python)._replace(
        schemas=(("datetime", "time"),)
    )


def parse_json(value: str) -> Default:
    """Parse `{}`, the only default of an object."""
    if value != "{}":
        raise ValueError("{}")
    models, schemas = ("sqlalchemy", "text"), ("pydantic", "Field")
    factory = "Field(default_factory=dict)"
    return Default(factory, "text(\"'{}'::jsonb\")", "'{}'::jsonb", "{}", (models,), (schemas,))


def format_omissible(type_: str, *, nullable: bool) -> str:
    """Format the type and the default of a value that a client may omit."""
    absent = "None" if nullable else "MISSING"
    return f"{type_} | {absent} = {absent}"
