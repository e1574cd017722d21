"""Column types that let the dialect read and compare every stored value."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import CHAR, REAL, Dialect, Enum
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.types import TypeEngine

Converter = Callable[[Any], Any]

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
MAX_DIGITS = 4300  # Python refuses to convert longer texts to int.


class OpenEnum(Enum):
    """An enumeration that returns labels it does not know, such as another program's, as text."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Converter | None:
        """Return the converter of a stored label."""
        convert = super().result_processor(dialect, coltype)  # type: ignore[no-untyped-call]
        return keep_unknown(convert)


class OpenNativeEnum(ENUM):
    """A type that was created with CREATE TYPE, read like an OpenEnum."""

    render_bind_cast = True

    @classmethod
    def adapt_native_to_emulated(cls, impl: Any, **options: Any) -> TypeEngine[Any]:
        """Return the type for an enumeration that is stored as text."""
        adapted: TypeEngine[Any] = impl.adapt(OpenEnum, **options)
        return adapted

    def result_processor(self, dialect: Dialect, coltype: object) -> Converter | None:
        """Return the converter of a stored label."""
        convert = super().result_processor(dialect, coltype)  # type: ignore[no-untyped-call]
        return keep_unknown(convert)


def keep_unknown(convert: Converter | None) -> Converter | None:
    """Extend a converter to return a label without a member unchanged."""
    if convert is None:
        return None

    def to_member(label: Any) -> Any:
        try:
            return convert(label)
        except LookupError:
            return label

    return to_member


class SinglePrecision(REAL[float]):
    """A `real` whose parameters are compared in single precision."""

    render_bind_cast = True


class BlankPadded(CHAR):
    """A `char(n)` whose parameters are compared without padding and never truncated."""

    render_bind_cast = True
    __visit_name__ = "user_defined"

    def get_col_spec(self, **_options: Any) -> str:
        """Return the type of parameters, which has no length."""
        return "BPCHAR"


def extend_dialect(dialect: Dialect) -> Dialect:
    """Make a dialect use the types of this module; call it before the first statement."""
    extended = {Enum: OpenNativeEnum, REAL: SinglePrecision, CHAR: BlankPadded}
    dialect.colspecs = {**dialect.colspecs, **extended}
    return dialect


def load_json(document: str | bytes) -> Any:
    """Parse a JSON document, even with integers or escapes that Python cannot handle.

    Integers that Python refuses to convert become decimals. Half of a surrogate pair, which UTF-8
    cannot encode, becomes the replacement character.
    """
    text = document if isinstance(document, str) else document.decode()
    try:
        value = json.loads(text)
    except ValueError:
        value = json.loads(text, parse_int=parse_integer)
    if SURROGATE.search(text):
        plain = json.dumps(value, ensure_ascii=False, default=str)
        value = json.loads(plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return value


def parse_integer(digits: str) -> int | Decimal:
    """Parse an integer of any length."""
    return int(digits) if len(digits) <= MAX_DIGITS else Decimal(digits)
