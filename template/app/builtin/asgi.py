"""The application that `manage run` serves: `app.main:app`, whose errors name untested versions."""

from app.core.versions import explain_untested_versions

with explain_untested_versions():
    from app.main import app

__all__ = ["app"]
