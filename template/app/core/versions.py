"""The newest FastAPI and SQLAlchemy that this release of the template was tested with."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import NamedTuple

TESTED = {"fastapi": "0.165", "sqlalchemy": "2.1"}


class UntestedVersion(NamedTuple):
    """An installed package that is newer than the tested series."""

    problem: str
    remedy: str


def find_untested_versions() -> Iterator[UntestedVersion]:
    """Find packages whose installed version is newer than the tested series."""
    for package, tested in TESTED.items():
        installed = version(package)
        if parse_series(installed) > parse_series(tested):
            major, minor = parse_series(tested)
            yield UntestedVersion(
                f"{package} {installed} is newer than {tested}, with which this release of the"
                " template was tested",
                f"pin the tested version with `uv add '{package}<{major}.{minor + 1}'`",
            )


def parse_series(text: str) -> tuple[int, int]:
    """Return the first two numbers of a version."""
    major, minor, *_ = [*re.findall(r"\d+", text), 0, 0]
    return int(major), int(minor)


@contextmanager
def explain_untested_versions() -> Iterator[None]:
    """Add a note to an error if a package is newer than the tested version."""
    try:
        yield
    except Exception as error:
        for untested in find_untested_versions():
            error.add_note(f"{untested.problem}: {untested.remedy} if that is the cause.")
        raise
