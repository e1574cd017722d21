"""Tests of the notes about packages that are newer than the tested ones."""

import sys
from importlib import import_module
from importlib.metadata import version

import pytest

from app.core import versions
from app.core.versions import explain_untested_versions, find_untested_versions, parse_series

INSTALLED = ".".join(map(str, parse_series(version("fastapi"))))


@pytest.mark.parametrize(
    ("text", "series"), [("0.165.2", (0, 165)), ("2.1rc1", (2, 1)), ("3", (3, 0))]
)
def test_series(text: str, series: tuple[int, int]) -> None:
    assert parse_series(text) == series


def test_tested_version_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "TESTED", {"fastapi": INSTALLED})

    assert list(find_untested_versions()) == []
    with pytest.raises(ValueError, match="broken") as caught, explain_untested_versions():
        raise ValueError("broken")
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("tested", ["0.1", "0.165.7"])
def test_start_that_fails_names_the_tested_version(
    monkeypatch: pytest.MonkeyPatch, tested: str
) -> None:
    monkeypatch.setattr(versions, "version", lambda package: "1.0.0rc1")
    monkeypatch.setattr(versions, "TESTED", {"fastapi": tested})
    monkeypatch.delitem(sys.modules, "app.builtin.asgi", raising=False)
    monkeypatch.setitem(sys.modules, "app.main", None)  # The import fails.

    with pytest.raises(ImportError) as caught:
        import_module("app.builtin.asgi")
    [note] = caught.value.__notes__
    assert f"fastapi 1.0.0rc1 is newer than {tested}" in note
    minor = int(tested.split(".")[1])
    assert f"uv add 'fastapi<0.{minor + 1}'" in note
