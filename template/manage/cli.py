"""The `manage` command; each group of subcommands is a module registered here.

Commands import their dependencies when they run, so that `--help` is fast.
"""

import os
from typing import Annotated

import typer

from app.core.paths import get_version
from app.core.versions import explain_untested_versions

from manage import db, migrate, run, seed, test
from manage.errors import CommandError
from manage.tools import add_tool_commands

app = typer.Typer(
    help="Run, scaffold, migrate, seed, test and upgrade this service; inspect other databases.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def show_version(
    show: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Show the version of the project."""
    if show:
        typer.echo(get_version())
        raise typer.Exit


app.command("run")(run.run)
app.add_typer(migrate.app, name="migrate")
app.command("seed")(seed.run_seed)
app.command("test", context_settings=test.PASS_THROUGH)(test.run_tests)
app.add_typer(db.app, name="db")
add_tool_commands(app, migrate.app)


def main() -> None:
    """Run a command; print an expected error without a traceback and exit with code 1."""
    try:
        with explain_untested_versions():
            app()
    except CommandError as error:
        typer.secho(f"Error: {error}", fg=None if os.environ.get("NO_COLOR") else "red", err=True)
        raise SystemExit(1) from None
