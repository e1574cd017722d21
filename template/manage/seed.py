"""`manage seed`: the rows that a new database needs. Imports as said in `manage.cli`."""

from typing import Annotated

import typer

Email = Annotated[str, typer.Option(help="The first admin's e-mail.")]


def seed(email: Email = "admin@example.com") -> None:
    """Create what is missing: the first admin, whose password is printed once, and your own rows."""
    from manage.database import database_url, require_migrated
    from manage.seeding import seed_database

    require_migrated(database_url())
    if not seed_database(email):
        typer.echo("There is an admin already.")
