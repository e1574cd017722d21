"""Both kinds of page: the parameters of a page's statement, and the answer made of its rows."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from app.core.errors import FieldError, ValidationFailedError
from app.core.schemas import Page, PageQuery, ReadSchema
from app.core.sql.filters import Attribute, Sort, filter_values
from app.core.sql.statements import KEY, SORT_VALUE, TOTAL

Schema = TypeVar("Schema", bound=ReadSchema)


def page_parameters(
    model: type[Any], query: PageQuery, filters: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters of a page's statement; one row more than asked for shows if more follow."""
    parameters = {**filter_values(filters), "limit": query.limit + 1}
    if query.cursor is None:
        return parameters | {"offset": query.offset}
    if query.cursor:
        return parameters | decode_cursor(query.cursor, query.sort, Sort.parse(model, query.sort))
    return parameters


def build_page(
    schema: type[Schema], query: PageQuery, rows: Sequence[Mapping[str, Any]], total: int | None
) -> Page[Schema]:
    """The rows as a page, with the cursor of what follows."""
    shown = rows[: query.limit]
    last = shown[-1] if len(rows) > query.limit else None
    return Page(
        items=list_adapter(schema).validate_python(shown),
        total=total,
        limit=query.limit,
        offset=query.offset if query.cursor is None else None,
        next_cursor=encode_cursor(query.sort, last[SORT_VALUE], last[KEY]) if last else None,
    )


def get_total(rows: Sequence[Mapping[str, Any]]) -> int:
    """The total that each row of a page by offset carries."""
    return int(rows[0][TOTAL]) if rows else 0


def encode_cursor(sort: str, value: Any, key: Any) -> str:
    """An opaque place in a list of that order."""
    return base64.urlsafe_b64encode(to_json([sort, value, key])).decode().rstrip("=")


def decode_cursor(cursor: str, sort_name: str, sort: Sort) -> dict[str, Any]:
    """The place as parameters; a cursor of another list or order is refused."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, value, key = from_json(base64.b64decode(padded, altchars=b"-_", validate=True))
        if name != sort_name:
            raise ValueError(name)
        return {
            "cursor_value": adapter(sort.column).validate_python(value),
            "cursor_id": adapter(sort.key).validate_python(key),
        }
    except (binascii.Error, TypeError, ValueError, ValidationError):
        message = "The cursor does not belong to this list and order."
        wrong = FieldError(("query", "cursor"), message, "cursor")
        raise ValidationFailedError(errors=[wrong]) from None


@cache
def list_adapter(schema: type[Schema]) -> TypeAdapter[list[Schema]]:
    """Validates all rows of a page at once, which is three times as fast as one by one."""
    return TypeAdapter(list[schema])  # type: ignore[valid-type]  # a type made at run time


@cache
def adapter(attribute: Attribute) -> TypeAdapter[Any]:
    """Reads a column's value back from JSON."""
    return TypeAdapter(attribute.type.python_type)
