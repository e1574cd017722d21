"""A model with defaults, constraints and types that are hard to compare with the database."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Enum, Index, Numeric, String, Table, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.core.models import Base


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Kind(enum.Enum):
    A = 1
    B = 2


def define_samples(name: str) -> Table:
    """Define the model with a table of this name."""

    class Declarative(DeclarativeBase):  # A registry of its own, which ends with the test.
        metadata = Base.metadata
        type_annotation_map = Base.type_annotation_map
        __table_cls__ = Base.__table_cls__

    class Sample(Declarative):
        __tablename__ = name
        __table_args__ = (
            CheckConstraint("size <> '' OR number > 0", name="filled"),
            CheckConstraint("document ->> 'time' <> 'never'", name="document"),
            CheckConstraint(f"{name}.number <> -1", name="number"),
            Index(
                f"ix_{name}_number",
                "number",
                postgresql_where=text("size = 'small' AND note <> ' \\:a%'"),
            ),
            CheckConstraint(r"share ~ '^(?\:\d+%|none) \:off$'", name="share"),
        )

        id: Mapped[int] = mapped_column(primary_key=True)
        number: Mapped[int] = mapped_column(server_default=text("nextval('sample_numbers')"))
        document: Mapped[Any] = mapped_column(JSON, server_default='{"time": "10:30"}')
        options: Mapped[Any] = mapped_column(JSONB, server_default=text("'{}'"))
        price: Mapped[Any] = mapped_column(Numeric(10, 2), server_default=text("0"))
        flag: Mapped[bool] = mapped_column(server_default="false")
        share: Mapped[str] = mapped_column(String(20), server_default="50% :off")
        note: Mapped[str | None]
        code: Mapped[str | None] = mapped_column(String(10, collation="C"))
        rank: Mapped[int | None]
        moment: Mapped[datetime | None]
        size: Mapped[Size]
        previous_size: Mapped[Size | None]
        level: Mapped[Level | None]
        kind: Mapped[Kind | None] = mapped_column(Enum(Kind), server_default="A")
        kinds: Mapped[list[Kind] | None] = mapped_column(ARRAY(Enum(Kind)))

    return Base.metadata.tables[name]
