"""Checks of rendered projects."""

import os
import re
import subprocess
from pathlib import Path

from tests.support.projects import Project


def check_types(project: Project, cache: Path) -> None:
    """Run mypy with a cache that projects with the same packages share."""
    project.uv_run("mypy", "--strict", cache_option(cache))


def check_types_of_tools(project: Project, cache: Path) -> None:
    """Run mypy on the tools, which the project's own settings pass over."""
    options = ("--strict", "--explicit-package-bases", "--package=chassis_tools")
    project.uv_run("mypy", *options, cache_option(cache), MYPYPATH=".chassis")


def cache_option(cache: Path) -> str:
    """Return mypy's option for the cache of a test process."""
    return f"--cache-dir={cache}/mypy-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


def run_own_tests(project: Project, *options: str) -> None:
    with project.lock():
        printed = project.uv_run("pytest", "--quiet", *options)
    assert re.search(r"\d\d passed", printed)
    assert not re.search(r"\d (skipped|failed|error|xfailed)", printed), printed[-2000:]


def check_style(project: Project, *options: str) -> None:
    project.uv_run("ruff", "format", "--check", *options, ".")
    project.uv_run("ruff", "check", ".")


def run_ruff(*arguments: str, cwd: Path) -> None:
    """Run the ruff of these tests in a folder; fail with what it prints."""
    done = subprocess.run(
        ["ruff", *arguments], check=False, cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
