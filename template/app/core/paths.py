"""The paths of the project."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# If the service is installed as a wheel, `.env`, migrations and `.postgres` are in the working
# directory.
PROJECT_ROOT = CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()
