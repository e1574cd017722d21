"""The `manage seed` command, which adds the rows that a new database needs."""

from typing import Annotated

import typer

FIRST_ADMIN_EMAIL = "admin@example.com"
EmailOption = Annotated[str, typer.Option(help="Email address of the first admin.")]


def run_seed(email: EmailOption = FIRST_ADMIN_EMAIL) -> None:
    """Create the first admin (prints the password once) and run app/seed.py."""
    from manage.database import get_migration_url, require_migrated
    from manage.seeding import seed_database

    require_migrated(get_migration_url())
    if not seed_database(email):
        typer.echo("An admin already exists.")
