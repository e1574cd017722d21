"""Bases of request and response schemas, and the page that every list answers with."""

from datetime import UTC, datetime, time
from typing import Annotated, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    HttpUrl,
    TypeAdapter,
    model_validator,
)

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
MAX_LIMIT = 100
MAX_OFFSET = 100_000

Item = TypeVar("Item")
Key = UUID | int | str
Paging = Literal["offset", "from start", "after cursor"]

_web_url = TypeAdapter[HttpUrl](HttpUrl)


def reject_display_name(value: object) -> object:
    """Refuse `Ann <ann@example.org>`, which EmailStr takes for the address in it."""
    if isinstance(value, str) and "<" in value:
        raise ValueError("Write the address alone.")
    return value


def check_web_url(value: str) -> str:
    """The text as it was sent, if it is an address of the web."""
    _web_url.validate_python(value)
    return value


def check_wall_time(value: time) -> time:
    """A time without a time zone, which PostgreSQL's `time` does not hold."""
    if value.tzinfo is not None:
        raise ValueError("Write the time without a time zone.")
    return value


def check_timestamp(value: datetime) -> datetime:
    """A moment that Python can read in every time zone once PostgreSQL has stored it."""
    if not EARLIEST <= value <= LATEST:
        raise ValueError(f"Write a time from {EARLIEST.date()} to {LATEST.date()}.")
    return value


# What PostgreSQL's `smallint`, `integer` and `bigint` hold.
Int16 = Annotated[int, Field(ge=-(2**15), lt=2**15)]
Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
# What a path can end in: clients take "." and ".." out of a URL, and a slash would begin another part.
PathKey = Annotated[str, Field(pattern=r"^([^/.][^/]*|\.[^/.][^/]*|\.\.[^/]+)$")]
# Stored in lower case, so that an address is the same one however it is written.
Email = Annotated[EmailStr, BeforeValidator(reject_display_name), AfterValidator(str.lower)]
Timestamp = Annotated[AwareDatetime, AfterValidator(check_timestamp)]
WallTime = Annotated[time, AfterValidator(check_wall_time)]
WebUrl = Annotated[
    str,
    Field(max_length=2000, json_schema_extra={"format": "uri"}),
    AfterValidator(check_web_url),
]


class InputSchema(BaseModel):
    """What a client sends; unknown fields are refused, so that nothing is ignored silently."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="after")
    def reject_nul(self) -> Self:
        """PostgreSQL stores no NUL character in a text."""
        if any(isinstance(value, str) and "\0" in value for value in vars(self).values()):
            raise ValueError("A text must not contain the NUL character.")
        return self


class ReadSchema(BaseModel):
    """What a client gets; each field is read from the model's attribute of the same name."""

    model_config = ConfigDict(from_attributes=True)


class Page(BaseModel, Generic[Item]):
    """One page of a list.

    By offset it counts the whole list; by cursor `total` and `offset` are null, and no count is
    made. `next_cursor` continues either kind and is null on the last page.
    """

    items: list[Item]
    total: int | None
    limit: int
    offset: int | None
    next_cursor: str | None


class PageQuery(InputSchema):
    """Paging and order of a list; a resource adds its filters and the sorts that it allows.

    A filter is named after a column, or `column__operator` (see `app.core.sql.filters.OPERATORS`).
    """

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 20
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET)] = 0
    cursor: Annotated[str, Field(max_length=1000)] | None = None
    sort: str = "-created_at"

    @property
    def paging(self) -> Paging:
        """By offset, or by cursor: from the start when it is empty."""
        if self.cursor is None:
            return "offset"
        return "after cursor" if self.cursor else "from start"

    def filters(self) -> dict[str, object]:
        """The filters that the client gave."""
        return self.model_dump(exclude=set(PageQuery.model_fields), exclude_none=True)
