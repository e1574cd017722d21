"""Offset and keyset pagination: parameters of a page's statement, and the page from its rows."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from app.core.errors import FieldError, ValidationFailedError
from app.core.schemas import Page, PageQuery, ReadSchema
from app.core.sql.filters import Attribute, Sort, build_filter_parameters
from app.core.sql.statements import TOTAL

Schema = TypeVar("Schema", bound=ReadSchema)

# Increased when the format changes, so that an old cursor is rejected instead of misread.
CURSOR_VERSION = 1
# Types whose values a cursor holds as PostgreSQL writes them, in forms that Python may not parse.
STORED_AS_TEXT = (Enum, timedelta)
NUMBERS_AND_TIMES = (Decimal, float, date, time)
# Numbers, dates and times as PostgreSQL writes them, including those that Python cannot represent.
UNREPRESENTABLE = re.compile(r"-?infinity|nan|[\d:. +-]+( BC)?", re.IGNORECASE)


def build_page_parameters(
    model: type[Any], query: PageQuery, filters: Mapping[str, Any]
) -> dict[str, Any]:
    """Build the parameters of a page's statement.

    The limit is one more than requested: the extra row shows that there is a next page.
    """
    parameters = {**build_filter_parameters(filters), "limit": query.limit + 1}
    if query.cursor is None:
        return parameters | {"offset": query.offset}
    if query.cursor:
        return parameters | decode_cursor(query.cursor, query.sort, Sort.parse(model, query.sort))
    return parameters


def build_page(
    model: type[Any],
    schema: type[Schema],
    query: PageQuery,
    rows: Sequence[Mapping[str, Any]],
    total: int | None,
) -> Page[Schema]:
    """Build a page from its rows, with the cursor of the next page."""
    shown = rows[: query.limit]
    next_cursor = None
    if len(rows) > query.limit:
        names = Sort.parse(model, query.sort).cursor_names
        next_cursor = encode_cursor(query.sort, [shown[-1][name] for name in names])
    return Page(
        items=build_items(schema, shown),
        total=total,
        limit=query.limit,
        offset=query.offset if query.cursor is None else None,
        next_cursor=next_cursor,
    )


def build_items(schema: type[Schema], rows: Sequence[Mapping[str, Any]]) -> list[Schema]:
    """Build the items of a page."""
    try:
        return get_list_adapter(schema).validate_python(rows)
    except ValidationError:
        return [schema.model_validate(row) for row in rows]


def get_total(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return the total, which every row of a page contains if the query includes it."""
    return int(rows[0][TOTAL]) if rows else 0


def encode_cursor(sort: str, position: Sequence[Any]) -> str:
    """Encode the position after a row as an opaque cursor."""
    cursor = to_json([CURSOR_VERSION, sort, position])
    return base64.urlsafe_b64encode(cursor).decode().rstrip("=")


def decode_cursor(cursor: str, sort_name: str, sort: Sort) -> dict[str, Any]:
    """Decode a cursor into parameters, or raise ValidationFailedError if it is invalid."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = from_json(base64.b64decode(padded, altchars=b"-_", validate=True))
        version, name, position = content
        if (version, name) != (CURSOR_VERSION, sort_name):
            raise ValueError(content)
        for column, value in zip(sort.columns, position, strict=True):
            check_value(column, value)
        return dict(zip(sort.cursor_names, map(str, position), strict=True))
    except (binascii.Error, TypeError, ValueError, ValidationError):
        message = "The cursor is invalid for this list and sort order."
        field = FieldError(("query", "cursor"), message, "cursor")
        raise ValidationFailedError(errors=[field]) from None


def check_value(column: Attribute, value: Any) -> None:
    """Raise ValidationError if a cursor's value cannot be one of the column."""
    type_ = column.type.python_type
    if isinstance(value, str) and issubclass(type_, STORED_AS_TEXT):
        return
    is_unrepresentable = isinstance(value, str) and UNREPRESENTABLE.fullmatch(value)
    if not (is_unrepresentable and issubclass(type_, NUMBERS_AND_TIMES)):
        get_type_adapter(column).validate_python(value)


@cache
def get_list_adapter(schema: type[Schema]) -> TypeAdapter[list[Schema]]:
    """Return the validator for a list of rows, three times as fast as one call per row."""
    return TypeAdapter(list[schema])  # type: ignore[valid-type]  # a type created at run time


@cache
def get_type_adapter(attribute: Attribute) -> TypeAdapter[Any]:
    """Return the validator that converts a JSON value to the column's Python type."""
    return TypeAdapter(attribute.type.python_type)
