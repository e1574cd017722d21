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
    AwareTime,
    Email,
    FutureTimestamp,
    InputSchema,
    Int16,
    Int32,
    Int64,
    JsonData,
    JsonObject,
    NaiveDatetime,
    NaiveTime,
    PageQuery,
    Timestamp,
    WebUrl,
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

    def test_digits_are_counted_as_postgresql_writes_them(self) -> None:
        numbers = MAX_JSON_BYTES // 320
        for number in (1e308, -1e308, 1e-300):
            assert accepts(JsonObject, {"a": [number] * numbers})
            assert not accepts(JsonObject, {"a": {"b": [number] * (numbers + 30)}})
        assert accepts(JsonObject, {"a": [0.5, 0, 1e15, 2**70] * 1500})


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

    @pytest.mark.parametrize("type_", [Int16, Int32, Int64])
    def test_bounds_are_documented(self, type_: Any) -> None:
        schema = TypeAdapter(type_).json_schema()

        assert schema.keys() == {"type", "minimum", "exclusiveMaximum"}


class TestFormats:
    """Each value that a type accepts has the format that the OpenAPI document names."""

    @pytest.mark.parametrize(
        ("type_", "format_", "valid", "invalid"),
        [
            (Timestamp, "date-time", "2026-01-01T12:00:00+01:00", "2026-01-01T12:00:00"),
            (NaiveDatetime, "date-time-local", "2026-01-01T12:00:00", "2026-01-01T12:00:00Z"),
            (AwareTime, "time", "12:00:00+01:00", "12:00:00"),
            (NaiveTime, "time-local", "12:00:00", "12:00:00Z"),
            (Email, "idn-email", "j\u00f6rg@example.org", "jorg"),
            (WebUrl, "uri", "https://example.org/", "ftp://example.org/"),
        ],
    )
    def test_format(self, type_: Any, format_: str, valid: str, invalid: str) -> None:
        assert TypeAdapter(type_).json_schema()["format"] == format_
        assert accepts(type_, valid)
        assert not accepts(type_, invalid)

    @pytest.mark.parametrize(
        "url",
        [
            "HTTPS://ann:secret@example.org:443/a%20b;c=1/?q=(x)&r=a/b?c#d/?",
            "http://[2001:db8::1]:8000",
            "http://localhost",
        ],
    )
    def test_uri(self, url: str) -> None:
        assert accepts(WebUrl, url)

    @pytest.mark.parametrize(
        "url",
        [
            "https://example.org/\u00fc",
            "https://ex\u00e4mple.org/",
            "https:example.org",
            "https://example.org\\a",
            "https://example.org/a b",
            "https://example.org/?a[]=1",
            "https://example.org/%zz",
            "https://example.org/#a#b",
            "https://example.org/\n",
        ],
    )
    def test_other_url_is_not_a_uri(self, url: str) -> None:
        """Pydantic accepts most of them, as browsers do."""
        assert not accepts(WebUrl, url)


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
