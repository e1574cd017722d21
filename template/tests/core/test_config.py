"""Tests that the service refuses to start with invalid or insecure settings."""

import pytest

from app.core.config import is_weak_secret, load_settings
from app.settings import Settings

VALID = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://app:hunter2@db.example.org/app",
    "SECRET_KEY": "8mTzPqXv3LkR7wYb2NcJ5sGd9HfA4eUo",
    "PUBLIC_URL": "https://app.example.org",
    "SMTP_HOST": "mail.example.org",
}


def load(monkeypatch: pytest.MonkeyPatch, **changes: str) -> Settings:
    """Load settings from valid environment variables with some changes."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name, value in (VALID | changes).items():
        monkeypatch.setenv(name, value)
    return load_settings(Settings)


class TestProduction:
    def test_valid(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert load(monkeypatch, READ_DATABASE_URL="", REDIS_URL="").read_database_url is None

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DATABASE_URL", ""),
            ("DATABASE_URL", "db.example.org"),
            ("DATABASE_URL", "postgresql://app:hunter2@db.example.org:port/app"),
            ("DATABASE_URL", "mysql://app:hunter2@db.example.org/app"),
            ("READ_DATABASE_URL", "replica"),
            ("REDIS_URL", "cache.example.org:6379"),
            ("PUBLIC_URL", ""),
            ("PUBLIC_URL", "app.example.org"),
            ("SMTP_HOST", ""),
            ("CORS_ORIGINS", "*"),
            ("SECRET_KEY", ""),
            ("SESSION_DAYS", "-1"),
            ("MAX_REQUEST_BYTES", "-1"),
            ("POOL_SIZE", "0"),
        ],
    )
    def test_error_names_the_invalid_setting(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        with pytest.raises(SystemExit, match=rf"^Invalid settings:\n  {name}[^\n]+$") as error:
            load(monkeypatch, **{name: value})

        assert "hunter2" not in str(error.value)

    def test_smtp_password_requires_tls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert load(monkeypatch, SMTP_TLS="none").smtp_tls == "none"

        with pytest.raises(SystemExit, match="SMTP_TLS"):
            load(monkeypatch, SMTP_TLS="none", SMTP_PASSWORD="hunter2")


class TestSecret:
    @pytest.mark.parametrize(
        "secret",
        [
            VALID["SECRET_KEY"],
            "0f4c1b6e9d27a85308e1d6b92c47f3a5",
            "c3Vg-uX_0aJtQ8mLz5RwYdN1kPfHsB6eTiOj7GqU2xhEnWvAC9M4yDbKlFrZpISo",
        ],
    )
    def test_random_secret_is_accepted(self, secret: str) -> None:
        assert not is_weak_secret(secret)

    @pytest.mark.parametrize(
        "secret",
        [
            "c3Vg-uX_0aJtQ8mLz5RwYdN1kPfHsB6",
            "changeme-changeme-changeme-changeme",
            "password1234password1234password1234",
            "your-secret-key-here-please-change-me",
            "abcdefgh" * 4,
            "0123456789abcdef" * 4,
            "0101001010110100101010110101001011",
        ],
    )
    def test_weak_secret_is_detected(self, secret: str) -> None:
        assert is_weak_secret(secret)
