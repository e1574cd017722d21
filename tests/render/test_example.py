"""The example equals what `manage make` writes."""

import pytest

from tests.support.article import EXTENSIONS, article, as_jinja


@pytest.mark.quick
def test_context_of_the_article_is_up_to_date() -> None:
    """If this fails, run `PYTHONPATH=.:template uv run python -m tests.support.article`."""
    assert (EXTENSIONS / "article.jinja").read_text() == as_jinja(article())
