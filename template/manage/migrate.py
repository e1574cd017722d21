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
    from manage.database import find_pending_migrations, find_unknown_migrations, get_migration_url
    from manage.migration_tool import get_migration_tool

    url = get_migration_url()
    if find_pending_migrations(url):
        get_migration_tool().apply_migrations(url, report=True)
    if unknown := find_unknown_migrations(url):
        names = ", ".join(unknown)
        typer.echo(f"The database has revisions that this checkout does not know: {names}.")
    else:
        typer.echo("The database is up to date.")


@app.command()
def rollback(
    steps: Annotated[int, typer.Option(min=1, help="Number of migrations to roll back.")] = 1,
    history: History = "app",
) -> None:
    """Roll back the latest migrations; data in the tables and columns they added is lost."""
    from manage.database import find_applied_migrations, get_migration_url
    from manage.errors import CommandError
    from manage.migration_tool import get_migration_tool

    url = get_migration_url()
    applied = len(find_applied_migrations(url, history))
    if applied < steps:
        raise CommandError(f"--steps {steps} exceeds the applied {history} migrations: {applied}")
    get_migration_tool().roll_back_migrations(url, history=history, steps=steps, report=True)


@app.command()
def status() -> None:
    """List all migrations with their state: applied, pending or unknown."""
    from manage.database import find_pending_migrations, find_unknown_migrations, get_migration_url
    from manage.migrations.history import get_revisions

    url = get_migration_url()
    pending = set(find_pending_migrations(url))
    for revision in get_revisions().values():
        state = "pending" if revision.name in pending else "applied"
        typer.echo(f"{state}  {revision.history:4}  {revision.name}  {revision.title}")
    for name in find_unknown_migrations(url):
        typer.echo(f"unknown        {name}  (from a newer release or another branch)")
