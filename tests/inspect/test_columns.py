"""The types of existing columns in requests and responses."""

import re

import pytest
from chassis_tools.adoption.columns import ExistingColumn
from chassis_tools.inspection.column_types import describe
from chassis_tools.inspection.tables import Column
from sqlalchemy.dialects.postgresql import ARRAY, ENUM, TIME, TIMESTAMP
from sqlalchemy.types import TypeEngine

pytestmark = pytest.mark.quick


def adopt(type_: TypeEngine[object]) -> ExistingColumn:
    column = Column("at", describe(type_, type(type_).__name__.lower()), nullable=False)
    return ExistingColumn(column, "at", "read and write")


@pytest.mark.parametrize(
    ("type_", "read", "input_"),
    [
        (TIMESTAMP(), "NaiveDatetime", "NaiveDatetime"),
        (TIMESTAMP(timezone=True), "datetime", "Timestamp"),
        (TIME(), "NaiveTime", "NaiveTime"),
        (TIME(timezone=True), "time", "AwareTime"),
        (ARRAY(TIMESTAMP()), "list[NaiveDatetime]", "list[NaiveDatetime]"),
        (ARRAY(TIME(timezone=True)), "list[time]", "list[AwareTime]"),
    ],
)
def test_times(type_: TypeEngine[object], read: str, input_: str) -> None:
    """The formats `date-time` and `time` require a time zone; values without one have others."""
    column = adopt(type_)
    assert (column.read, column.input) == (read, input_)
    imported = {name for _module, name in column.get_imports_for("schemas")}
    assert imported == set(re.findall(r"\w+", f"{read} {input_}")) - {"list"}


def test_labels_are_not_types() -> None:
    column = adopt(ENUM("time", "datetime", name="kind"))
    assert column.read == column.input == "Literal['time', 'datetime']".replace("'", '"')
