"""Base classes and field types of request and response schemas."""

import re
import warnings
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from inspect import isclass
from math import floor, isfinite, log10
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    Self,
    TypeVar,
    get_args,
    get_origin,
)
from unicodedata import normalize
from uuid import UUID

import structlog
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    HttpUrl,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic import NaiveDatetime as PydanticNaiveDatetime
from pydantic.warnings import UnsupportedFieldAttributeWarning
from pydantic_core import InitErrorDetails, PydanticCustomError, to_json
from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState

from app.core.clock import utc_now

logger = structlog.get_logger()

# ReadSchema logs values that do not fit their fields, so Pydantic's warning is not needed.
warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
# FastAPI ignores this warning while it declares the body of a route. With `defer_build`, Pydantic
# issues it on the first use.
warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
MAX_LIMIT = 100
MAX_PATTERN_LENGTH = 200
MAX_OFFSET = 100_000
MAX_UNKNOWN_FIELDS = 50
MAX_ERRORS = 1000
# A cursor contains the last row's value of the sort column, which may be a long text.
MAX_CURSOR_LENGTH = 60_000
MAX_JSON_DEPTH = 100
MAX_JSON_BYTES = 100_000
MIN_EXPONENT = 16  # JSON writes numbers with smaller ones in full.

Item = TypeVar("Item")
KeyValue = UUID | int | str | date
Key = KeyValue | tuple[KeyValue, ...]
Paging = Literal["offset", "first_cursor_page", "after_cursor"]

_web_url = TypeAdapter[HttpUrl](HttpUrl)
_URI_CHARACTER = r"(?:[\w\-.~!$&'()*+,;=:@/]|%[\dA-F]{2})"
# A URL by RFC 3986. Pydantic also accepts a URL that browsers would encode first, such as "/ü".
_uri = re.compile(
    rf"https?://(?:{_URI_CHARACTER}*\[[\dA-F:.]+\])?{_URI_CHARACTER}*"
    rf"(?:\?(?:{_URI_CHARACTER}|\?)*)?(?:#(?:{_URI_CHARACTER}|\?)*)?",
    re.ASCII | re.IGNORECASE,
)


def reject_display_name(value: object) -> object:
    """Reject `Ann <ann@example.org>`, which EmailStr accepts and strips to the address."""
    if isinstance(value, str) and "<" in value:
        raise ValueError("Enter an email address without a display name.")
    return value


def normalize_address(value: str) -> str:
    """Return an email address in lower case; lower-casing may decompose characters."""
    return normalize("NFC", value.lower())


def check_web_url(value: str) -> str:
    """Reject anything but an HTTP or HTTPS URL; return the URL unchanged."""
    _web_url.validate_python(value)
    if not _uri.fullmatch(value):
        raise ValueError("Enter a URL whose special characters are percent-encoded.")
    return value


def reject_time_zone(value: time) -> time:
    """Reject a time zone, which PostgreSQL's `time` type cannot store."""
    if value.tzinfo is not None:
        raise ValueError("Enter a time without a time zone.")
    return value


def require_time_zone(value: time) -> time:
    """Reject a time without a time zone, for which PostgreSQL would use the session's."""
    if value.tzinfo is None:
        raise ValueError("Enter a time with a time zone.")
    return value


def check_timestamp(value: datetime) -> datetime:
    """Reject a timestamp that `datetime` cannot represent in every time zone."""
    if not EARLIEST <= value <= LATEST:
        raise ValueError(f"Enter a timestamp between {EARLIEST.date()} and {LATEST.date()}.")
    return value


def check_future(value: datetime) -> datetime:
    """Reject a timestamp in the past."""
    if value <= utc_now():
        raise ValueError("Enter a timestamp in the future.")
    return value


def reject_boolean(value: object) -> object:
    """Reject `true` and `false`, which Pydantic accepts as the numbers 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("Enter a number.")
    return value


def check_json(value: Item) -> Item:
    """Reject JSON that is nested too deeply to serialize, or too large to return in lists."""
    if is_nested_deeply(value):
        raise ValueError(f"Nest JSON at most {MAX_JSON_DEPTH} levels deep.")
    size = len(to_json(value))
    if size > MAX_JSON_BYTES or size + count_added_digits(value) > MAX_JSON_BYTES:
        raise ValueError(f"Enter at most {MAX_JSON_BYTES} bytes of JSON.")
    return value


def count_added_digits(value: object) -> int:
    """Count the digits that PostgreSQL adds, because it writes `1e308` without an exponent."""
    digits = 0
    items = [value]
    while items:
        item = items.pop()
        if isinstance(item, dict):
            items.extend(item.values())
        elif isinstance(item, list):
            items.extend(item)
        elif isinstance(item, float) and item and isfinite(item):
            exponent = abs(floor(log10(abs(item))))
            digits += exponent if exponent >= MIN_EXPONENT else 0
    return digits


def is_nested_deeply(value: object) -> bool:
    """Return True if lists and objects are nested more than MAX_JSON_DEPTH levels deep."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        containers = [item for item in level if isinstance(item, (dict, list))]
        level = [
            item
            for container in containers
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        if not containers:
            return False
    return True


# The ranges of PostgreSQL's `smallint`, `integer` and `bigint`.
Int16 = Annotated[int, Field(ge=-(2**15), lt=2**15), BeforeValidator(reject_boolean)]
Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31), BeforeValidator(reject_boolean)]
Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63), BeforeValidator(reject_boolean)]
JsonObject = Annotated[dict[str, Any], AfterValidator(check_json)]
JsonData = Annotated[Any, AfterValidator(check_json)]
# A key that works as the last segment of a path: clients remove "." and ".." from URLs, and a slash
# starts another segment.
PathKey = Annotated[str, Field(pattern=r"^([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+)$")]
# Stored in lower case, so that addresses are compared case-insensitively.
Email = Annotated[
    EmailStr,
    BeforeValidator(reject_display_name),
    AfterValidator(normalize_address),
    Field(json_schema_extra={"format": "idn-email"}),
]
Timestamp = Annotated[AwareDatetime, AfterValidator(check_timestamp)]
FutureTimestamp = Annotated[Timestamp, AfterValidator(check_future)]
# The formats `date-time` and `time` require a time zone (RFC 3339).
NaiveDatetime = Annotated[
    PydanticNaiveDatetime, Field(json_schema_extra={"format": "date-time-local"})
]
NaiveTime = Annotated[
    time, Field(json_schema_extra={"format": "time-local"}), AfterValidator(reject_time_zone)
]
AwareTime = Annotated[time, AfterValidator(require_time_zone)]
WebUrl = Annotated[
    str,
    Field(max_length=2000, json_schema_extra={"format": "uri"}),
    AfterValidator(check_web_url),
]


def build_unknown_fields_error(schema: type[BaseModel], data: dict[Any, Any]) -> ValidationError:
    """Build an error that lists the first unknown fields and the number of the others."""
    unknown = [name for name in data if name not in schema.model_fields]
    errors = [
        InitErrorDetails(type="extra_forbidden", loc=(name,), input=None)
        for name in unknown[:MAX_UNKNOWN_FIELDS]
    ]
    number = {"number": len(unknown) - MAX_UNKNOWN_FIELDS}
    others = PydanticCustomError("more_errors", "{number} more fields are not permitted", number)
    errors.append(InitErrorDetails(type=others, loc=(), input=None))
    return ValidationError.from_exception_data(schema.__name__, errors)


class InputSchema(BaseModel):
    """The base of request schemas; unknown fields are rejected instead of silently ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, defer_build=True)

    @model_validator(mode="wrap")
    @classmethod
    def limit_errors(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Summarize thousands of errors, because building one for each value takes seconds."""
        if isinstance(data, dict) and len(data) > len(cls.model_fields) + MAX_UNKNOWN_FIELDS:
            raise build_unknown_fields_error(cls, data)
        try:
            return handler(data)
        except ValidationError as error:
            if error.error_count() <= MAX_ERRORS:
                raise
            count = {"count": error.error_count()}
        raise PydanticCustomError("too_many_errors", "{count} values are invalid.", count)

    @model_validator(mode="after")
    def check_values(self) -> Self:
        """Reject null characters, which PostgreSQL cannot store, and deeply nested JSON."""
        for name, value in vars(self).items():
            if isinstance(value, str) and "\0" in value:
                raise ValueError("Null characters are not allowed.")
            if isinstance(value, (dict, list)) and is_nested_deeply(value):
                raise ValueError(f"{name}: nest JSON at most {MAX_JSON_DEPTH} levels deep.")
        return self


class ReadSchema(BaseModel):
    """The base of response schemas; each field is the model's column of the same name.

    A field can also be a list of related rows: `lines: list[OrderLineRead]` is the relationship
    `lines` of the model. `Repository.read` reads it with a second query.
    """

    model_config = ConfigDict(from_attributes=True, ser_json_inf_nan="strings", defer_build=True)

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Build the schema from a row or an entity.

        Values that do not fit their field, because another program wrote them, stay as they are.
        """
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            return cls._build_from_stored(obj, error)

    @classmethod
    def _build_from_stored(cls, obj: Any, error: ValidationError) -> Self:
        """Build the schema with the invalid values, or raise the error if a value is missing."""
        state = inspect(obj, raiseerr=False)
        if isinstance(state, InstanceState) and not state.has_identity:
            raise TypeError(f"{obj!r} is not stored yet: call session.flush() first") from error
        details = error.errors(include_url=False, include_context=False, include_input=False)
        invalid = {detail["loc"][0] for detail in details if detail["loc"]}
        if isinstance(obj, Mapping):
            values = dict(obj)
        else:
            values = {name: getattr(obj, name) for name in cls.model_fields if hasattr(obj, name)}
        names = cls.model_fields.keys() & values.keys()
        if not invalid <= names:
            raise error
        for name, field in cls.model_fields.items():
            if name in invalid and (item := get_item_schema(field.annotation)):
                values[name] = [item.model_validate(row) for row in values[name]]
        record = cls.model_construct(**{name: values[name] for name in names})
        for name in names - invalid:
            cls.__pydantic_validator__.validate_assignment(record, name, values[name])
        key = str(values.get("id"))
        logger.warning("unexpected_value", schema=cls.__name__, fields=sorted(invalid), id=key)
        return record  # type: ignore[return-value]  # Pydantic's plugin for mypy loses Self.


def get_item_schema(annotation: object) -> type[ReadSchema] | None:
    """Return the schema of the items if a field is a list of rows, otherwise None."""
    items = get_args(annotation) if get_origin(annotation) is list else ()
    is_row = len(items) == 1 and isclass(items[0]) and issubclass(items[0], ReadSchema)
    return items[0] if is_row else None


class Page(BaseModel, Generic[Item]):
    """One page of a list.

    Pass `next_cursor` as `cursor` to get the next page; it is null on the last page. `total`, the
    number of matching items, is null unless `include_total` requests it. `offset` is null with
    cursor pagination.
    """

    model_config = ConfigDict(defer_build=True)

    items: list[Item]
    total: int | None
    limit: int
    offset: int | None
    next_cursor: str | None


class PageQuery(InputSchema):
    """The base of list parameters; a resource adds its filters and the values that `sort` allows.

    A filter is named `column` or `column__operator` (see `app.core.sql.filters.OPERATORS`). A
    filter's value keeps leading and trailing whitespace, so that it can match a stored value
    exactly. With `search_fields`, the
    filter `search: str | None = None` finds its text in any of these columns.

    The default order is by descending `id`: the newest first, because keys are UUIDv7. `sort` may
    only allow columns with a unique constraint or a `sort_index`, so that a page of a large table
    is found without reading and sorting its rows. `include_total` counts all matching rows, which
    takes longer the more there are.
    """

    model_config = ConfigDict(str_strip_whitespace=False)
    search_fields: ClassVar[tuple[str, ...]] = ()

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 20
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET)] = 0
    cursor: Annotated[str, Field(max_length=MAX_CURSOR_LENGTH)] | None = None
    include_total: bool = False
    sort: str = "-id"

    @field_validator("*")
    @classmethod
    def reject_long_pattern(cls, value: object, info: ValidationInfo) -> object:
        """Reject a long text to search for, which is slow to match against each row."""
        name = info.field_name or ""
        is_pattern = name == "search" or name.endswith("__icontains")
        if is_pattern and isinstance(value, str) and len(value) > MAX_PATTERN_LENGTH:
            raise ValueError(f"Enter at most {MAX_PATTERN_LENGTH} characters.")
        return value

    @model_validator(mode="after")
    def reject_offset_with_cursor(self) -> Self:
        """Reject an offset that a cursor would replace."""
        if self.cursor is not None and self.offset:
            raise ValueError("Use either a cursor or an offset.")
        return self

    @property
    def paging(self) -> Paging:
        """The kind of pagination; an empty cursor starts cursor pagination."""
        if self.cursor is None:
            return "offset"
        return "after_cursor" if self.cursor else "first_cursor_page"

    def get_filters(self) -> dict[str, object]:
        """Return the filters that the client set."""
        filters = self.model_dump(exclude=set(PageQuery.model_fields), exclude_none=True)
        if self.search_fields and "search" in filters:
            filters[f"{'__or__'.join(self.search_fields)}__search"] = filters.pop("search")
        return filters
