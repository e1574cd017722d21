"""Every rendered path has exactly one owner."""

import json
import re

import pytest
import yaml

from tests.conftest import REPOSITORY, Render
from tests.support.ownership import CLASSES, PATHS, entry_of
from tests.support.renderings import Rendering
from tests.support.stacks import BARE, COVERING, OPPOSITES, STACKS, Stack, each


@pytest.mark.quick
def test_no_path_is_listed_twice() -> None:
    assert len(set(PATHS)) == len(PATHS)
    assert all(paths == sorted(paths) for paths in CLASSES.values())


@each(STACKS + BARE, quick=OPPOSITES)
def test_every_file_has_an_owner(stack: Stack, render: Render) -> None:
    assert [path for path in render(stack).files() if entry_of(path) is None] == []


def test_every_entry_is_rendered(render: Render) -> None:
    rendered = {entry_of(path) for stack in COVERING for path in render(stack).files()}
    assert set(PATHS) - rendered == set()


@each(OPPOSITES)
def test_what_answers_enable_later_is_listed(stack: Stack, render: Render) -> None:
    enabled = yaml.safe_load((REPOSITORY / "extensions" / "enabled.yml").read_text())
    yours = owned_files(render(stack))
    for later in (
        stack.with_answers(multi_tenancy=True),
        stack.with_answers(auth="jwt"),
        stack.with_answers(auth="session"),
    ):
        assert owned_files(render(later)) - yours <= {path.removeprefix("/") for path in enabled}


def owned_files(rendering: Rendering) -> set[str]:
    """Return the team's files."""
    return {path for path in rendering.files() if entry_of(path) in CLASSES["owned"]}


@pytest.mark.quick
def test_project_has_the_same_map(render: Render) -> None:
    text = (render(OPPOSITES[0]).path / ".chassis" / "ownership.json").read_text()
    assert json.loads(text) == CLASSES


@pytest.mark.quick
def test_documentation_has_the_same_map() -> None:
    text = (REPOSITORY / "docs" / "ownership.md").read_text()
    _, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    documented = {
        section.partition("\n")[0].lower(): re.findall(r"^- `(.+)`$", section, re.MULTILINE)
        for section in sections
    }
    assert documented == CLASSES
