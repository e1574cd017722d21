"""The stacks that expensive tests run on, and the tier of those that they leave out."""

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.support.stacks import (
    COVERING,
    COVERING_WITH_EXAMPLE,
    OPPOSITES,
    STACKS,
    Stack,
    find_uncovered,
)

SERVED = "tests/projects/test_projects.py::test_served"


@pytest.mark.quick
def test_any_three_answers_occur_together() -> None:
    assert find_uncovered(COVERING, 3) == set()
    assert len(COVERING) == len(set(COVERING_WITH_EXAMPLE)) == 12
    assert set(OPPOSITES) < set(COVERING)


@pytest.mark.quick
@pytest.mark.parametrize("stack", COVERING, ids=str)
def test_no_stack_of_the_covering_array_can_be_left_out(stack: Stack) -> None:
    assert find_uncovered([other for other in COVERING if other != stack], 3)


@pytest.mark.parametrize(
    ("options", "stacks"),
    [
        ((), COVERING_WITH_EXAMPLE),
        (("--exhaustive",), STACKS),
        (("-m", "exhaustive"), [stack for stack in STACKS if stack not in COVERING_WITH_EXAMPLE]),
    ],
    ids=["default", "all", "exhaustive"],
)
def test_further_stacks_are_collected_on_request(
    options: tuple[str, ...], stacks: list[Stack]
) -> None:
    command = ["-m", "pytest", SERVED, "--collect-only", "-n0", "-q"]
    done = subprocess.run(
        [sys.executable, *command, *options],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    collected = {stack for stack in STACKS if f"[{stack}]" in done.stdout}
    assert collected == set(stacks)
    assert "skipped" not in done.stdout
