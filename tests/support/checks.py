"""Checks of rendered projects."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

from tests.support.projects import Project


def check_types(project: Project, shared_path: Path) -> None:
    run_mypy(project, shared_path)


def check_types_of_tools(project: Project, shared_path: Path) -> None:
    """Run mypy on the tools, which the project's own settings pass over."""
    options = ("--explicit-package-bases", "--package=chassis_tools")
    run_mypy(project, shared_path, *options, path=".chassis")


def run_mypy(project: Project, shared_path: Path, *options: str, path: str = "") -> None:
    """Run mypy with a cache per stack, which starts as a copy of the first one."""
    answers = (project.path / ".copier-answers.yml").read_bytes()
    cache = shared_path / f"mypy-{hashlib.sha256(answers).hexdigest()}"
    first = shared_path / "mypy-first"
    command = ("mypy", "--strict", f"--cache-dir={cache}", *options)
    with FileLock(f"{first}.lock"):
        if not first.exists():
            project.uv_run(*command, MYPYPATH=path)
            shutil.copytree(cache, first)
            return
    with FileLock(f"{cache}.lock"):
        if not cache.exists():
            shutil.copytree(first, cache)
        project.uv_run(*command, MYPYPATH=path)


def copy_mypy_cache(shared_path: Path, folder: Path) -> Path:
    """Copy the first stack's cache, if there is one yet, into a folder."""
    first, cache = shared_path / "mypy-first", folder / "mypy"
    with FileLock(f"{first}.lock"):
        if first.exists():
            shutil.copytree(first, cache)
    return cache


def run_own_tests(project: Project, *options: str) -> None:
    """Run the project's tests, or those that the options select."""
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
