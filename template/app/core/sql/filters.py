"""Filters and sort orders of lists, as SQL expressions with bound parameters."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Text,
    UnaryExpression,
    bindparam,
    cast,
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

    column: Attribute
    key: Attribute
    descending: bool

    @classmethod
    def parse(cls, model: type[Any], name: str) -> "Sort":
        """Parse `title` (ascending) or `-title` (descending)."""
        return cls(getattr(model, name.removeprefix("-")), model.id, name.startswith("-"))

    @property
    def order(self) -> list[UnaryExpression[Any]]:
        """The ORDER BY expressions."""
        columns = (self.column, self.key)
        return [column.desc() if self.descending else column.asc() for column in columns]

    @property
    def after_cursor(self) -> ColumnElement[bool]:
        """The condition for rows after the cursor (`cursor_value`, `cursor_id`)."""
        position = tuple_(self.column, self.key)
        # As text, because Python cannot represent every value that a row may have.
        cursor = tuple_(
            cast(bindparam("cursor_value", type_=Text()), self.column.type),
            cast(bindparam("cursor_id", type_=Text()), self.key.type),
        )
        return position < cursor if self.descending else position > cursor


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
