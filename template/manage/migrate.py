"""`manage migrate …`: the database follows the models. Imports as said in `manage.cli`."""

from typing import Annotated, Literal

import typer

app = typer.Typer(help="Create, apply and undo migrations.", no_args_is_help=True)

Line = Annotated[
    Literal["app", "core"], typer.Option(help="Which history: app is yours, core the kernel's.")
]


@app.command()
def create(
    message: Annotated[str, typer.Option("--message", "-m", help="What it does, in a few words.")],
    empty: Annotated[bool, typer.Option("--empty", help="Leave it for you to fill.")] = False,
) -> None:
    """Write the migration that takes the database to the models, for you to review."""
    from manage.database import database_url, require_migrated
    from manage.migrations.tool import create_migration

    url = database_url()
    require_migrated(url)
    if not empty:
        typer.echo("Comparing the models with the database ...", err=True)
    path = create_migration(url, message, empty=empty)
    if path is None:
        typer.echo("The database agrees with the models: no migration is needed.")
    else:
        typer.echo(f"Wrote {path}")


@app.command()
def apply() -> None:
    """Apply the pending migrations, the kernel's and yours; safe to run many times at once."""
    from manage.database import database_url, pending_migrations, unknown_migrations
    from manage.migrations.tool import apply_migrations

    url = database_url()
    if pending_migrations(url):
        apply_migrations(url, report=True)
    if unknown := unknown_migrations(url):
        typer.echo(f"The database is ahead: a newer release or another branch has {unknown[0]}.")
    else:
        typer.echo("The database is up to date.")


@app.command()
def rollback(
    steps: Annotated[int, typer.Option(min=1, help="How many migrations to undo.")] = 1,
    line: Line = "app",
) -> None:
    """Undo the last migrations of a line; what their columns and tables held is lost."""
    from manage.database import applied_migrations, database_url
    from manage.errors import CommandError
    from manage.migrations.tool import roll_back_migrations

    url = database_url()
    applied = applied_migrations(url, line)
    if len(applied) < steps:
        raise CommandError(f"Of the line {line}, {len(applied)} migrations are applied")
    roll_back_migrations(url, line=line, steps=steps, report=True)


@app.command()
def status() -> None:
    """List all migrations and say which are applied."""
    from manage.database import database_url, pending_migrations, unknown_migrations
    from manage.migrations.history import revisions

    url = database_url()
    missing = set(pending_migrations(url))
    for revision in revisions().values():
        state = "pending" if revision.name in missing else "applied"
        typer.echo(f"{state}  {revision.line:4}  {revision.name}  {revision.title}")
    for name in unknown_migrations(url):
        typer.echo(f"unknown        {name}  (of a newer release or another branch)")
