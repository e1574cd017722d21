"""The paths of the project."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
IS_CHECKOUT = (CHECKOUT / "pyproject.toml").exists()
# If the service is installed as a wheel, `.env` and `.postgres` are in the working directory.
PROJECT_ROOT = CHECKOUT if IS_CHECKOUT else Path.cwd()
PACKAGED_MIGRATIONS = CHECKOUT / "manage" / "migration_files"  # Only a wheel has them.
HAS_PACKAGED_MIGRATIONS = not IS_CHECKOUT and PACKAGED_MIGRATIONS.is_dir()
MIGRATIONS = PACKAGED_MIGRATIONS if HAS_PACKAGED_MIGRATIONS else PROJECT_ROOT / "migrations"
