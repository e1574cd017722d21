"""The current time and date in UTC, in one place that tests can replace.

Dates need one time zone: the process, the database and its clients may have different ones.
"""

from datetime import UTC, date, datetime


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def utc_today() -> date:
    """Return the current date in UTC; `date.today` depends on the process's time zone."""
    return utc_now().date()
