"""Filters and sorts of lists: from the names in a query to conditions with parameters."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, UnaryExpression, bindparam, tuple_
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
    "contains": lambda column, value: column.ilike(value, escape="\\"),
}


class Sort(NamedTuple):
    """An order by one column, then by key, so that equal values keep their places."""

    column: Attribute
    key: Attribute
    descending: bool

    @classmethod
    def parse(cls, model: type[Any], name: str) -> "Sort":
        """`title` sorts ascending, `-title` descending."""
        return cls(getattr(model, name.removeprefix("-")), model.id, name.startswith("-"))

    @property
    def order(self) -> list[UnaryExpression[Any]]:
        both = (self.column, self.key)
        return [column.desc() if self.descending else column.asc() for column in both]

    @property
    def after_cursor(self) -> ColumnElement[bool]:
        """Rows behind the place `cursor_value`, `cursor_id`."""
        place = tuple_(self.column, self.key)
        cursor = tuple_(
            bindparam("cursor_value", type_=self.column.type),
            bindparam("cursor_id", type_=self.key.type),
        )
        return place < cursor if self.descending else place > cursor


def conditions(model: type[Any], names: Iterable[str]) -> list[ColumnElement[bool]]:
    """A condition for each filter name, with a parameter of that name."""
    return [condition(model, name) for name in names]


def condition(model: type[Any], name: str) -> ColumnElement[bool]:
    """The condition of a filter named `column` or `column__operator`."""
    attribute, _, operator = name.partition("__")
    column: Attribute = getattr(model, attribute)
    value = bindparam(name, type_=column.type, expanding=operator == "in")
    return OPERATORS[operator](column, value)


def filter_values(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters as parameters; what `contains` looks for is text, not a pattern."""
    return {
        name: f"%{escape_pattern(value)}%" if name.endswith("__contains") else value
        for name, value in filters.items()
    }


def escape_pattern(text: str) -> str:
    """Text in which LIKE finds no wildcard."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
