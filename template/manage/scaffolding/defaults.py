"""`default=…` of a field: one value in Python, in SQLAlchemy, in a migration and in SQL.

Each function takes what was written, and raises ValueError with what it may be.
"""

import re
from datetime import date, time
from decimal import Context, Decimal, InvalidOperation
from typing import NamedTuple

from manage.scaffolding.names import member_name
from manage.scaffolding.snippets import Import, literal

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
