"""The generated reference of the kernel."""

import pytest

from docs.kernel_reference import ANSWERS, PAGE, build_page
from tests.conftest import Render
from tests.support.stacks import Stack


@pytest.mark.quick
def test_page_is_up_to_date(render: Render) -> None:
    """Run `uv run python -m docs.kernel_reference` when this fails."""
    stack = Stack().with_answers(**ANSWERS)
    assert PAGE.read_text() == build_page(render(stack).path)
