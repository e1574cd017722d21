from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    MISSING,
    Field,
    StrictBool,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from app.core.schemas import Email, InputSchema, PageQuery, ReadSchema

# No control or bidirectional characters: anonymous clients choose names that other users see.
# Code points instead of \p{…}, which not every client of the API supports.
PRINTABLE = r"^[^\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]*$"
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]
# As NIST SP 800-63B-3 recommends: at least 8 characters and no composition rules; spaces count.
Password = Annotated[str, StringConstraints(strip_whitespace=False, min_length=8, max_length=128)]
Role = Literal["user", "admin"]

_email = TypeAdapter[str](Email)


def normalize_email(text: str) -> str | None:
    """Return a normalized email address, or None if the address is invalid."""
    try:
        return _email.validate_python(text)
    except ValidationError:
        return None


class ProfileUpdate(InputSchema):
    name: Name | MISSING = MISSING
    # Your fields follow.


class UserUpdate(InputSchema):
    role: Role | MISSING = MISSING
    is_active: StrictBool | MISSING = MISSING
    # Your fields follow.


class UserRead(ReadSchema):
    id: UUID
    email: str
    name: str
    role: str
    is_active: bool
    email_verified_at: datetime | None
    created_at: datetime
    updated_at: datetime
    # Your fields follow.


class UserQuery(PageQuery):
    email__icontains: str | None = None
    name__icontains: str | None = None
    role: Role | None = None
    is_active: bool | None = None
    sort: Literal["id", "-id", "email", "-email"] = "-id"


class UserCredentials(ReadSchema):
    """The columns of a user that authentication needs; never part of a response."""

    id: UUID
    email: str
    password_hash: str | None
    is_active: bool
    email_verified_at: datetime | None
