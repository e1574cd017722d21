"""The `manage test` command, which runs the project's tests."""

import subprocess
import sys
from typing import Annotated

import typer

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


def run_tests(
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for pytest.")] = None,
) -> None:
    """Run the tests; all arguments are passed to pytest."""
    from app.core.paths import PROJECT_ROOT

    command = [sys.executable, "-m", "pytest", *(arguments or [])]
    raise SystemExit(subprocess.call(command, cwd=PROJECT_ROOT))  # noqa: S603 (pytest)
