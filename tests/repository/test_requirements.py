"""Tests whose requirements are missing are skipped, and with CI set they fail."""

import re

import pytest

from tests.conftest import REPOSITORY
from tests.support.requirements import require_program

pytestmark = pytest.mark.quick

MISSING = "program-that-nobody-has"
SKIPPING = re.compile(r"skipif|importorskip|\bxfail\b|mark\.skip|pytest\.skip\(")


def test_available_program() -> None:
    assert require_program("git").endswith("/git")


def test_missing_program_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"^{MISSING} is not installed$"):
        require_program(MISSING)


def test_missing_program_fails_in_continuous_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"{MISSING} is not installed, and with CI set"):
        require_program(MISSING)


def test_nothing_else_skips() -> None:
    found = [
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / "tests").rglob("*.py")
        if SKIPPING.search(path.read_text())
    ]
    assert sorted(found) == [
        "tests/repository/test_requirements.py",
        "tests/support/requirements.py",
    ]
