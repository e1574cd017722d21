from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, String, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.models import Record
from app.core.tables import foreign_key


class LoginSession(Record):
    """A login on one device; only the hash of its token is stored."""

    __tablename__ = "sessions"

    user_id: Mapped[UUID] = foreign_key("users.id", ondelete="CASCADE")
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    # Used only with `auth: jwt`, to rotate refresh tokens; always present, so that changing the
    # answer `auth` needs no migration.
    previous_token_hash: Mapped[bytes | None]
    rotated_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
    user_agent: Mapped[str | None] = mapped_column(String(300))
    ip_address: Mapped[str | None] = mapped_column(String(45))


class ApiKey(Record):
    """A long-lived credential for a user's scripts; only its hash is stored."""

    __tablename__ = "api_keys"

    user_id: Mapped[UUID] = foreign_key("users.id", ondelete="CASCADE")
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(12))
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class UserToken(Record):
    """A one-time token that is emailed to a user."""

    __tablename__ = "user_tokens"
    __table_args__ = (
        CheckConstraint(
            "purpose IN ('verify_email', 'reset_password', 'change_email', 'invitation')",
            name="purpose",
        ),
    )

    user_id: Mapped[UUID] = foreign_key("users.id", ondelete="CASCADE")
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    # The address that received the token, if the purpose is to change the user's address.
    new_email: Mapped[str | None] = mapped_column(String(254))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
