"""`manage test`: the service's tests. Imports as said in `manage.cli`."""

import subprocess
import sys
from typing import Annotated

import typer

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def run_tests(
    arguments: Annotated[list[str] | None, typer.Argument(help="What pytest takes.")] = None,
) -> None:
    """Run the tests; everything after `test` goes to pytest."""
    from app.core.paths import PROJECT_ROOT

    command = [sys.executable, "-m", "pytest", *(arguments or [])]
    raise SystemExit(subprocess.call(command, cwd=PROJECT_ROOT))  # noqa: S603 (pytest)
