"""Where the project's files are."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Installed as a wheel, the service finds `.env`, migrations and `.postgres` where it is started.
PROJECT_ROOT = CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()
