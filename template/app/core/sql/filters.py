"""Filters and sort orders of lists, as SQL expressions with bound parameters."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Label,
    Text,
    UnaryExpression,
    bindparam,
    cast,
    inspect,
    or_,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute

Attribute = InstrumentedAttribute[Any]
Condition = Callable[[Attribute, BindParameter[Any]], ColumnElement[bool]]

OPERATORS: dict[str, Condition] = {
    "": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "in": lambda column, value: column.in_(value),
    "not_in": lambda column, value: column.not_in(value),
    "isnull": lambda column, value: column.is_(None) == value,
    "icontains": lambda column, value: column.ilike(value, escape="\\"),
}


LISTS = ("in", "not_in")
PATTERNS = ("__icontains", "__search")
SEPARATOR = "__or__"


class Sort(NamedTuple):
    """A sort order: a column, then the primary key, so that the order is total."""

    columns: tuple[Attribute, ...]
    descending: bool

    @classmethod
    def parse(cls, model: type[Any], name: str) -> "Sort":
        """Parse `title` (ascending) or `-title` (descending)."""
        column: Attribute = getattr(model, name.removeprefix("-"))
        key = (attribute for attribute in get_key_attributes(model) if attribute.key != column.key)
        return cls((column, *key), name.startswith("-"))

    @property
    def cursor_names(self) -> list[str]:
        """Names of the values in a row, and of the parameters, that make up a cursor."""
        return [f"cursor_{number}" for number in range(len(self.columns))]

    @property
    def order(self) -> list[UnaryExpression[Any]]:
        """The ORDER BY expressions."""
        return [column.desc() if self.descending else column.asc() for column in self.columns]

    @property
    def cursor_columns(self) -> list[Label[str]]:
        """The columns as text, because Python cannot represent every value that a row may have."""
        pairs = zip(self.columns, self.cursor_names, strict=True)
        return [cast(column, Text).label(name) for column, name in pairs]

    @property
    def after_cursor(self) -> ColumnElement[bool]:
        """The condition for rows after the cursor."""
        position = tuple_(*self.columns)
        pairs = zip(self.columns, self.cursor_names, strict=True)
        cursor = tuple_(
            *(cast(bindparam(name, type_=Text()), column.type) for column, name in pairs)
        )
        return position < cursor if self.descending else position > cursor


def get_key(model: type[Any]) -> ColumnElement[Any]:
    """Return a model's key: an attribute, or a tuple of attributes."""
    key = get_key_attributes(model)
    return tuple_(*key) if len(key) > 1 else key[0].expression


def get_key_attributes(model: type[Any]) -> tuple[Attribute, ...]:
    """Return the attributes of a model's primary key."""
    return tuple(getattr(model, name) for name in get_key_names(model))


def get_key_names(model: type[Any]) -> list[str]:
    """Return the names of the attributes of a model's primary key."""
    mapper = inspect(model)
    return [mapper.get_property_by_column(column).key for column in mapper.primary_key]


def get_key_values(model: type[Any], key: object) -> dict[str, Any]:
    """Return the values of a key by attribute; raise TypeError if their number differs."""
    names = get_key_names(model)
    values = key if isinstance(key, tuple) else (key,)
    if len(values) != len(names):
        raise TypeError(f"The key of {model.__name__} is {', '.join(names)}, not {key!r}")
    return dict(zip(names, values, strict=True))


def build_conditions(model: type[Any], names: Iterable[str]) -> list[ColumnElement[bool]]:
    """Build a condition for each filter name, with a bound parameter of that name."""
    return [build_condition(model, name) for name in names]


def build_condition(model: type[Any], name: str) -> ColumnElement[bool]:
    """Build the condition of a filter named `column`, `column__operator` or `a__or__b__search`."""
    if name.endswith("__search"):
        columns = name.removesuffix("__search").split(SEPARATOR)
        pattern = bindparam(name, type_=Text())
        return or_(*(OPERATORS["icontains"](getattr(model, key), pattern) for key in columns))
    attribute, _, operator = name.partition("__")
    if operator not in OPERATORS or not hasattr(model, attribute):
        known = ", ".join(filter(None, OPERATORS))
        raise TypeError(
            f"{model.__name__} has no filter {name!r}: name it after an attribute, or an attribute"
            f" and an operator, as in name__in (operators: {known})"
        )
    column: Attribute = getattr(model, attribute)
    type_ = Boolean() if operator == "isnull" else column.type
    value = bindparam(name, type_=type_, expanding=operator in LISTS)
    return OPERATORS[operator](column, value)


def build_filter_parameters(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Build the parameters of filters; wildcards in a text to search for match literally."""
    return {
        name: f"%{escape_pattern(value)}%" if name.endswith(PATTERNS) else value
        for name, value in filters.items()
    }


def escape_pattern(text: str) -> str:
    """Escape LIKE wildcards."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
