"""Answers that change how a service is built do not change its behaviour."""

import json

import pytest

from tests.conftest import Install, ScenarioResults
from tests.support.renderings import difference
from tests.support.schema_dumps import SCHEMA, statements
from tests.support.stacks import EQUIVALENT, SERVED, STACKS, Stack, each


def first_like(stack: Stack) -> Stack:
    """Return the first stack with the same API."""
    return next(
        other
        for other in EQUIVALENT
        if (other.multi_tenancy, other.auth) == (stack.multi_tenancy, stack.auth)
    )


@pytest.mark.parametrize("many", [False, True], ids=["single", "tenants"])
def test_same_schema_from_alembic_and_dbmate(many: bool, install: Install) -> None:
    dumps = []
    for stack in (Stack(multi_tenancy=many), Stack(migrations="dbmate", multi_tenancy=many)):
        project = install(stack)
        with project.lock():
            project.uv_run("manage", "migrate", "apply")
            dumps.append(statements(project.uv_run("python", "-c", SCHEMA)))
    assert "CREATE TABLE public.articles (" in dumps[0]
    assert not (found := difference(*dumps)), found


@each(SERVED, exhaustive=STACKS)
def test_same_openapi_and_behaviour(stack: Stack, scenario_results: ScenarioResults) -> None:
    expected = scenario_results(first_like(stack))
    assert "/api/v1/articles" in expected.openapi["paths"]
    for actual, wanted in zip(scenario_results(stack), expected, strict=True):
        found = difference(json.dumps(wanted, indent=1), json.dumps(actual, indent=1))
        assert not found, found
