"""The command `manage`: each group of commands is a module that is added here.

Commands import what they need when they run, so that `--help` answers at once.
"""

import typer

from manage import db, doctor, inspect, make, migrate, remove, run, seed, test, upgrade
from manage.errors import CommandError

app = typer.Typer(
    help="Run, scaffold, migrate, seed, test and upgrade this service, and read other databases.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("make", epilog=make.HELP)(make.make)
app.command("remove")(remove.remove)
app.add_typer(migrate.app, name="migrate")
app.command("seed")(seed.seed)
app.command("test", context_settings=test.PASS_ON)(test.run_tests)
app.add_typer(db.app, name="db")
app.command("inspect")(inspect.inspect)
app.command("upgrade")(upgrade.upgrade)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Run a command; a failure that it expects is one sentence and exit code 1."""
    try:
        app()
    except CommandError as error:
        typer.secho(f"Error: {error}", fg=typer.colors.RED, err=True)
        raise SystemExit(1) from None
