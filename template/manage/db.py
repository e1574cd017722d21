"""`manage db …`: the local PostgreSQL. Imports as said in `manage.cli`."""

import typer

app = typer.Typer(help="The local PostgreSQL in .postgres/.", no_args_is_help=True)


@app.command()
def stop() -> None:
    """Stop a local PostgreSQL that a killed process left running."""
    from manage.errors import CommandError
    from manage.postgres import LocalPostgresError, local_server

    for durable in (True, False):
        try:
            stopped = local_server(durable=durable).stop()
        except LocalPostgresError as error:
            raise CommandError(str(error)) from error
        if not stopped:
            raise CommandError("A process still uses the local PostgreSQL: end that first")
    typer.echo("No local PostgreSQL is running.")
