"""The `manage db` commands, which control the local PostgreSQL."""

import typer

app = typer.Typer(help="Control the local PostgreSQL in .postgres/.", no_args_is_help=True)


@app.command()
def stop() -> None:
    """Stop a local PostgreSQL that a killed process left running."""
    from manage.errors import CommandError
    from manage.postgres import get_local_server

    for durable in (True, False):
        if not get_local_server(durable=durable).stop():
            raise CommandError("A process still uses the local PostgreSQL: stop that process first")
    typer.echo("The local PostgreSQL is stopped.")
