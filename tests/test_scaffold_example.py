"""The example is what `manage make` writes, from the data that is generated for Copier."""

import pytest

from tests.article import GENERATED, generate


@pytest.mark.quick
def test_generated_data_is_up_to_date() -> None:
    """If it is not, run `PYTHONPATH=.:template uv run python -m tests.article`."""
    assert {path.name: path.read_text() for path in GENERATED.iterdir()} == generate()
