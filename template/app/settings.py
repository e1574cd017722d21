"""The service's own settings, beside those of the kernel."""

from functools import cache

from app.core.config import CoreSettings, load_settings


class Settings(CoreSettings):
    """Add a field here; it is read from the environment variable of the same name in capitals."""


@cache
def get_settings() -> Settings:
    """The settings, read once."""
    return load_settings(Settings)
