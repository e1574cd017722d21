"""The recorded contracts: what a later release may extend, but not change."""

import pytest

from docs.contracts import APIS, FOLDER, STATIC, build_http, build_static, merge
from tests.conftest import Render, ScenarioResults
from tests.support.renderings import difference

PAGE = FOLDER.parent / "what-never-changes.md"
ADVICE = (
    "a recorded contract has changed: if that is a decision, write it down in docs/decisions and"
    " run `uv run python -m docs.contracts`; additions need only the command"
)


@pytest.mark.quick
@pytest.mark.parametrize("contract", STATIC)
def test_contract_is_unchanged(contract: str, render: Render) -> None:
    check_contract(contract, build_static(contract, render))


def test_http_is_unchanged(scenario_results: ScenarioResults) -> None:
    """The documents are those of `tests/projects/test_equivalence.py`."""
    documents = {stack: scenario_results(stack).openapi for stack in APIS}
    check_contract("http", merge({stack: build_http(documents[stack]) for stack in APIS}))


@pytest.mark.quick
def test_page_links_each_contract() -> None:
    text = PAGE.read_text(encoding="utf-8")
    recorded = sorted(path.name for path in FOLDER.iterdir())
    assert recorded == sorted(f"{name}.txt" for name in [*STATIC, "http"])
    assert [name for name in recorded if f"](contracts/{name})" not in text] == []


def check_contract(contract: str, actual: str) -> None:
    """Compare a contract with its record, and show the lines that differ."""
    recorded = (FOLDER / f"{contract}.txt").read_text(encoding="utf-8")
    found = difference(recorded, actual)
    assert not found, f"{ADVICE}\n{found}"
