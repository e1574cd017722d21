"""The migrations that a plan was made from: what is written stands behind them."""

from collections.abc import Mapping
from pathlib import Path

from manage.errors import CommandError
from manage.scaffolding.disk import read_content

SUFFIXES = {".py", ".sql"}
Migrations = Mapping[Path, bytes | None]


def read_migrations(root: Path) -> Migrations:
    """All that are there, of every line."""
    paths = (root / "migrations").glob("*/*")
    return {path.relative_to(root): read_content(path) for path in paths if path.suffix in SUFFIXES}


def refuse_other_migrations(root: Path, planned: Migrations) -> None:
    """Refuse a plan that another command, or someone by hand, has overtaken."""
    if read_migrations(root) != planned:
        raise CommandError("The migrations have changed in the meantime; try again")
