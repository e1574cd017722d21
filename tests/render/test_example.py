"""The example is what `manage make` writes, and Copier knows what `manage make` knows."""

import pytest

from tests.support.article import EXTENSIONS, article, as_jinja


@pytest.mark.quick
def test_the_article_is_told_as_it_is() -> None:
    """If not: `python -m tests.support.article`."""
    assert (EXTENSIONS / "article.jinja").read_text() == as_jinja(article())
