"""Settings of other templates, which this service would ignore without a word."""

from collections.abc import Iterator

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from app.core.config import CoreSettings

DATABASE = "DATABASE_URL"
MAIL = "SMTP_HOST, SMTP_USER and SMTP_PASSWORD"

# The names of other templates, and the settings that have their purpose here.
FOREIGN_SETTINGS = {
    "ACCESS_TOKEN_EXPIRE_MINUTES": "ACCESS_TOKEN_MINUTES",
    "ALGORITHM": "nothing: the algorithm is fixed",
    "ALLOWED_HOSTS": "TRUSTED_HOSTS",
    "ALLOWED_ORIGINS": "CORS_ORIGINS",
    "APP_ENV": "ENVIRONMENT",
    "APP_NAME": "PROJECT_NAME",
    "BACKEND_CORS_ORIGINS": "CORS_ORIGINS",
    "DATABASE_HOST": DATABASE,
    "DATABASE_HOSTNAME": DATABASE,
    "DATABASE_NAME": DATABASE,
    "DATABASE_PASSWORD": DATABASE,
    "DATABASE_PORT": DATABASE,
    "DATABASE_USER": DATABASE,
    "DATABASE_USERNAME": DATABASE,
    "EMAILS_FROM_EMAIL": "MAIL_FROM",
    "FIRST_SUPERUSER": "`manage seed --email`",
    "FRONTEND_HOST": "PUBLIC_URL",
    "FRONTEND_URL": "PUBLIC_URL",
    "JWT_ALGORITHM": "nothing: the algorithm is fixed",
    "JWT_SECRET": "SECRET_KEY",
    "JWT_SECRET_KEY": "SECRET_KEY",
    "MAILERSEND_API_KEY": MAIL,
    "MAIL_SERVER": "SMTP_HOST",
    "POSTGRES_DB": DATABASE,
    "POSTGRES_HOST": DATABASE,
    "POSTGRES_PASSWORD": DATABASE,
    "POSTGRES_PORT": DATABASE,
    "POSTGRES_SERVER": DATABASE,
    "POSTGRES_USER": DATABASE,
    "REFRESH_TOKEN_EXPIRE_DAYS": "SESSION_DAYS",
    "SQLALCHEMY_DATABASE_URI": DATABASE,
}


def find_foreign_settings(settings: CoreSettings) -> Iterator[tuple[str, str]]:
    """Yield each variable of another template, and the setting to use instead.

    Variables that the team reads itself, and those whose setting has a value, are left out.
    """
    known = {name.upper() for name in type(settings).model_fields}
    for name in sorted(read_names(settings) & FOREIGN_SETTINGS.keys() - known):
        replacement = FOREIGN_SETTINGS[name]
        if replacement.lower() not in settings.model_fields_set:
            yield name, replacement


def read_names(settings: CoreSettings) -> set[str]:
    """Return the names of the variables in the environment and in `.env`."""
    sources = (EnvSettingsSource(type(settings)), DotEnvSettingsSource(type(settings)))
    return {name.upper() for source in sources for name, value in source.env_vars.items() if value}
