"""Tests of the field types and base classes of schemas."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.core.clock import utc_now
from app.core.schemas import (
    MAX_JSON_BYTES,
    MAX_JSON_DEPTH,
    MAX_PATTERN_LENGTH,
    Email,
    FutureTimestamp,
    InputSchema,
    Int32,
    JsonData,
    JsonObject,
    PageQuery,
)


class Document(InputSchema):
    content: dict[str, Any]
    parts: list[Any] = []  # noqa: RUF012  # Pydantic copies it


def nest(levels: int) -> dict[str, Any]:
    """Return JSON of objects and lists, nested some levels deep."""
    value: Any = [] if levels % 2 else {}
    for level in range(levels - 1, 0, -1):
        value = {"a": value} if level % 2 else [value]
    result: dict[str, Any] = value
    return result


def accepts(type_: Any, value: object) -> bool:
    """Return True if a type accepts a value."""
    try:
        TypeAdapter(type_).validate_python(value)
    except ValidationError:
        return False
    return True


class TestJson:
    def test_depth(self) -> None:
        for type_ in (JsonObject, JsonData):
            assert accepts(type_, nest(MAX_JSON_DEPTH))
            assert not accepts(type_, nest(MAX_JSON_DEPTH + 1))
            assert not accepts(type_, nest(300))

    def test_depth_in_any_schema(self) -> None:
        assert accepts(Document, {"content": nest(MAX_JSON_DEPTH)})
        assert not accepts(Document, {"content": nest(MAX_JSON_DEPTH + 1)})
        assert not accepts(Document, {"content": {}, "parts": [nest(MAX_JSON_DEPTH)]})

    def test_size(self) -> None:
        assert accepts(JsonObject, {"a": "x" * (MAX_JSON_BYTES - 8)})
        assert not accepts(JsonObject, {"a": "x" * MAX_JSON_BYTES})


class TestFieldTypes:
    @pytest.mark.parametrize(
        "address", ["Ada@Example.org", "J\u030c@example.org", "\u0130@example.org"]
    )
    def test_email_is_stable(self, address: str) -> None:
        """The address in a response is the address in the database."""
        adapter = TypeAdapter[str](Email)
        stored = adapter.validate_python(address)

        assert adapter.validate_python(stored) == stored
        assert stored == stored.lower()

    def test_future_timestamp(self) -> None:
        hour = timedelta(hours=1)

        assert accepts(FutureTimestamp, utc_now() + hour)
        assert not accepts(FutureTimestamp, utc_now() - hour)

    def test_boolean_is_not_a_number(self) -> None:
        assert accepts(Int32, 1)
        assert not accepts(Int32, True)


class TextQuery(PageQuery):
    title: str | None = None
    title__icontains: str | None = None


class TestPageQuery:
    def test_pattern_is_limited(self) -> None:
        limit = MAX_PATTERN_LENGTH
        assert TextQuery(title__icontains="x" * limit, title="x" * limit * 2)
        with pytest.raises(ValidationError) as caught:
            TextQuery(title__icontains="x" * (limit + 1))
        assert caught.value.errors()[0]["loc"] == ("title__icontains",)

    def test_offset_with_cursor(self) -> None:
        assert accepts(PageQuery, {"cursor": "", "limit": 1})
        assert not accepts(PageQuery, {"cursor": "", "offset": 1})
