"""The service's settings, which extend those of the kernel."""

from functools import cache

from app.core.config import CoreSettings, load_settings


class Settings(CoreSettings):
    """Add fields here; each is read from the environment variable with its name in upper case."""


@cache
def get_settings() -> Settings:
    """Return the settings, which are read once per process."""
    return load_settings(Settings)
