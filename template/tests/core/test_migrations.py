"""The migrations: what they build is what the models say, and they can be undone."""

from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from app.core.revisions import LINES, expected_heads, revisions
from tests.support.server import create_database, drop_database, server_url
from manage.database import pending_migrations
from manage.migrations import apply_migrations, create_migration, roll_back_migrations


@pytest.fixture
def url(worker_id: str) -> Iterator[URL]:
    """An empty database."""
    url = server_url().set(database=f"test_migrations_{worker_id}")
    drop_database(url)
    create_database(url)
    yield url
    drop_database(url)


def test_models_and_migrations_agree(url: URL) -> None:
    apply_migrations(url)

    written = create_migration(url, "what the models have and the migrations lack")

    if written is not None:
        difference = written.read_text()
        written.unlink()
        pytest.fail(f"`manage migrate create` would write:\n{difference}")


def test_up_down_up(url: URL) -> None:
    apply_migrations(url)
    for line in reversed(LINES):
        steps = sum(revision.line == line for revision in revisions().values())
        if steps:
            roll_back_migrations(url, line=line, steps=steps)
    undone = pending_migrations(url)

    apply_migrations(url)

    assert set(undone) == set(revisions())
    assert pending_migrations(url) == []


def test_each_line_has_one_head() -> None:
    lines = [revisions()[head].line for head in expected_heads()]

    assert sorted(lines) == sorted({revision.line for revision in revisions().values()})
