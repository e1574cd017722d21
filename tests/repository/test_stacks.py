"""The stacks that expensive tests run on, and the tier of those that they leave out."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.stacks import (
    CONCURRENCY_AND_LAYOUT,
    COVERING,
    COVERING_WITH_EXAMPLE,
    EQUIVALENT,
    OPPOSITES,
    PAIRWISE,
    SERVED,
    STACKS,
    Stack,
    each,
    find_uncovered,
)

TESTS = """\
import pytest


def test_default():
    pass


@pytest.mark.exhaustive
def test_exhaustive():
    pass
"""


@pytest.mark.quick
def test_any_three_answers_occur_together() -> None:
    assert find_uncovered(COVERING, 3) == set()
    assert len(COVERING) == len(set(COVERING_WITH_EXAMPLE)) == 12
    assert set(OPPOSITES) < set(COVERING)


@pytest.mark.quick
def test_any_two_answers_occur_together() -> None:
    assert find_uncovered(PAIRWISE, 2) == set()
    assert all(find_uncovered([x for x in PAIRWISE if x != stack], 2) for stack in PAIRWISE)


@pytest.mark.quick
def test_resources_are_checked_with_each_layout_and_migration_tool() -> None:
    for answer in ("layout", "migrations"):
        pairs = {(one.concurrency, one.answers[answer]) for one in CONCURRENCY_AND_LAYOUT}
        assert len(pairs) == 4
    assert set(OPPOSITES) < set(CONCURRENCY_AND_LAYOUT)


@pytest.mark.quick
def test_each_api_is_compared() -> None:
    assert set(OPPOSITES) < set(EQUIVALENT)
    apis = Counter((stack.multi_tenancy, stack.auth) for stack in EQUIVALENT)
    assert set(apis.values()) == {2}
    assert len(apis) == 4
    assert set(OPPOSITES) < set(SERVED) < set(EQUIVALENT)
    served = Counter((stack.multi_tenancy, stack.auth) for stack in SERVED)
    assert sorted(served.values()) == [1, 1, 2, 2]


@pytest.mark.quick
@pytest.mark.parametrize("stack", COVERING, ids=str)
def test_no_stack_of_the_covering_array_can_be_left_out(stack: Stack) -> None:
    assert find_uncovered([other for other in COVERING if other != stack], 3)


@pytest.mark.quick
def test_expensive_tests_have_further_stacks_in_the_exhaustive_tier() -> None:
    parameters = each(COVERING_WITH_EXAMPLE, exhaustive=STACKS).args[1]
    further = [
        one.values[0] for one in parameters if "exhaustive" in [mark.name for mark in one.marks]
    ]
    assert [one.values[0] for one in parameters][:12] == COVERING_WITH_EXAMPLE
    assert set(further) == set(STACKS) - set(COVERING_WITH_EXAMPLE)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ((), "1 passed, 1 deselected"),
        (("--exhaustive",), "2 passed"),
        (("-m", "exhaustive"), "1 passed, 1 deselected"),
    ],
    ids=["default", "all", "exhaustive"],
)
def test_exhaustive_tier_runs_on_request(
    options: tuple[str, ...], outcome: str, tmp_path: Path
) -> None:
    hooks = "from tests.support.tiers import pytest_addoption, pytest_collection_modifyitems\n"
    (tmp_path / "conftest.py").write_text(hooks)
    (tmp_path / "pytest.toml").write_text('[pytest]\nmarkers = ["exhaustive"]\n')
    (tmp_path / "test_tiers.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1].startswith(f"{outcome} in "), done.stdout + done.stderr
