"""The exhaustive tier: pytest's hooks, which tests/conftest.py registers."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="run expensive tests on all stacks, not only on those of the covering array",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of the exhaustive tier unless the command line asks for them."""
    if config.getoption("exhaustive") or "exhaustive" in config.getoption("markexpr"):
        return
    extra = [item for item in items if item.get_closest_marker("exhaustive")]
    if extra:
        config.hook.pytest_deselected(items=extra)
        items[:] = [item for item in items if item not in extra]
