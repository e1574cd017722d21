"""The paths of the project."""

import tomllib
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
IS_CHECKOUT = (CHECKOUT / "pyproject.toml").exists()
# If the service is installed as a wheel, `.env` and `.postgres` are in the working directory.
PROJECT_ROOT = CHECKOUT if IS_CHECKOUT else Path.cwd()
PACKAGED_MIGRATIONS = CHECKOUT / "manage" / "migration_files"  # Only a wheel has them.
HAS_PACKAGED_MIGRATIONS = not IS_CHECKOUT and PACKAGED_MIGRATIONS.is_dir()
MIGRATIONS = PACKAGED_MIGRATIONS if HAS_PACKAGED_MIGRATIONS else PROJECT_ROOT / "migrations"


@cache
def get_version() -> str:
    """Return the project's version: that of pyproject.toml or, in a wheel, of its metadata."""
    if IS_CHECKOUT:
        text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(text).get("project", {}).get("version", "0"))
    distributions = packages_distributions().get("app", [])
    return version(distributions[0]) if distributions else "0"
