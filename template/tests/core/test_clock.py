"""Tests of the clock, which ignores the time zone of the process."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.core.clock import utc_today


@pytest.fixture(params=["Etc/GMT+12", "Etc/GMT-14"])
def time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the time zone of the process; in at least one of them, the date differs from UTC's."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("time_zone")
def test_today_is_in_utc() -> None:
    before = datetime.now(UTC).date()

    assert before <= utc_today() <= datetime.now(UTC).date()
