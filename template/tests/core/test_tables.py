"""Tests of foreign keys and unique columns in tables without `tenant_id`."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Index, MetaData, Table, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.core.tables import build_table, foreign_key


@pytest.fixture
def base() -> type[DeclarativeBase]:
    """Return a declarative base with metadata that other tests do not use."""

    class Base(DeclarativeBase):
        metadata = MetaData()

        @classmethod
        def __table_cls__(cls, name: str, metadata: MetaData, *items: Any, **options: Any) -> Table:
            return build_table(name, metadata, *items, **options)

    class Parent(Base):
        __tablename__ = "parents"
        __table_args__ = {"schema": "sales"}  # noqa: RUF012 (SQLAlchemy expects a plain dict)

        id: Mapped[int] = mapped_column(primary_key=True)

    assert "sales.parents" in Parent.metadata.tables
    return Base


def test_foreign_keys(base: type[DeclarativeBase]) -> None:
    class Child(base):  # type: ignore[valid-type,misc]  # mypy requires a static base
        __tablename__ = "children"

        id: Mapped[int] = mapped_column(primary_key=True)
        first_id: Mapped[int] = foreign_key("sales.parents.id", ondelete="CASCADE")
        second_id: Mapped[int | None] = foreign_key(
            "sales.parents.id", ondelete="SET NULL", unique=True
        )

    table: Table = Child.__table__
    keys = {
        (key.parent.name, key.target_fullname, key.ondelete, key.column.name)
        for key in table.foreign_keys
    }
    assert keys == {
        ("first_id", "sales.parents.id", "CASCADE", "id"),
        ("second_id", "sales.parents.id", "SET NULL", "id"),
    }
    assert [index.columns.keys() for index in table.indexes] == [["first_id"]]
    assert get_unique_columns(table) == [["second_id"]]


def test_soft_delete(base: type[DeclarativeBase]) -> None:
    class Child(base):  # type: ignore[valid-type,misc]  # mypy requires a static base
        __tablename__ = "children"

        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(unique=True)
        deleted_at: Mapped[datetime | None]

    table: Table = Child.__table__
    [index] = table.indexes
    assert isinstance(index, Index)
    assert (index.name, index.unique) == ("uq_children_name", True)
    assert get_unique_columns(table) == []


def get_unique_columns(table: Table) -> list[list[str]]:
    """Return the columns of each unique constraint."""
    constraints = [item for item in table.constraints if isinstance(item, UniqueConstraint)]
    return [constraint.columns.keys() for constraint in constraints]
