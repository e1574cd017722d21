"""The `manage migrate` commands, which create, apply and roll back migrations."""

from typing import Annotated, Literal

import typer

app = typer.Typer(help="Create, apply and roll back migrations.", no_args_is_help=True)

History = Annotated[
    Literal["app", "core"],
    typer.Option(help="Migration history: app (yours) or core (the kernel's)."),
]


@app.command()
def apply() -> None:
    """Apply all pending migrations, the kernel's and yours; safe to run concurrently."""
    apply_pending_migrations()
    typer.echo("The database is up to date.")


def apply_pending_migrations() -> None:
    """Apply all pending migrations; raise CommandError if the database has unknown ones."""
    from manage import database
    from manage.migrations.tool import apply_migrations

    url = database.get_migration_url()
    database.require_known_migrations(url)
    if database.find_pending_migrations(url):
        apply_migrations(url, report=True)


@app.command()
def rollback(
    steps: Annotated[int, typer.Option(min=1, help="Number of migrations to roll back.")] = 1,
    history: History = "app",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Confirm rolling back core or dependent migrations.")
    ] = False,
) -> None:
    """Roll back the latest migrations; data in the tables and columns they added is lost."""
    from manage import database
    from manage.errors import CommandError
    from manage.migrations.history import plan_rollback
    from manage.migrations.tool import roll_back_migrations

    url = database.get_migration_url()
    database.require_known_migrations(url)
    names = plan_rollback(database.find_applied_migrations(url), history, steps)
    if not yes and (history != "app" or len(names) > steps):
        raise CommandError(
            f"This would roll back {', '.join(names)}, with all data in their tables and columns:"
            " add --yes to confirm"
        )
    roll_back_migrations(url, history=history, steps=steps, report=True)


@app.command()
def status() -> None:
    """List all migrations with their state; exit with code 1 if the database has unknown ones."""
    from manage import database
    from manage.migrations.history import get_revisions

    url = database.get_migration_url()
    pending = database.find_pending_migrations(url)
    applied = database.find_applied_migrations(url)
    for name, revision in get_revisions().items():
        # Alembic stores heads only: an unknown one may or may not include the revision.
        state = "pending" if name in pending else "applied" if name in applied else "unclear"
        typer.echo(f"{state}  {revision.history:7}  {name}  {revision.title}")
    database.require_known_migrations(url)
