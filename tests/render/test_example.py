"""The example equals what `manage make` writes, from the data generated for Copier."""

import pytest

from tests.support.article import GENERATED, generate


@pytest.mark.quick
def test_generated_data_is_up_to_date() -> None:
    """If this fails, run the command in the head of the generated files."""
    assert {path.name: path.read_text() for path in GENERATED.iterdir()} == generate()
