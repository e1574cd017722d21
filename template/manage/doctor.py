"""`manage doctor`: what is wrong with the project. Imports as said in `manage.cli`."""

import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is wrong with this project, with a remedy for each; fails if that is an error."""
    from app.core.paths import PROJECT_ROOT
    from manage.diagnosis import output
    from manage.diagnosis.examination import examine

    with redirect_stdout(sys.stderr):  # What the project's modules print is no finding.
        found = examine(PROJECT_ROOT)
    typer.echo(output.as_json(found) if as_json else output.as_text(found))
    if any(one.severity == "error" for findings in found.values() for one in findings):
        raise typer.Exit(1)
