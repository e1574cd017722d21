"""The git repository of the template."""

import subprocess
from pathlib import Path


class ReleaseError(Exception):
    """The reason why a version is not released, in one sentence."""


def git(repository: Path, *arguments: str) -> str:
    """Run git and return its output without the trailing newline.

    Raises ReleaseError with the last line of git's message if it fails.
    """
    done = subprocess.run(
        ["git", *arguments], cwd=repository, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["failed"]
        raise ReleaseError(f"git {arguments[0]}: {lines[-1].removeprefix('fatal: ')}")
    return done.stdout.rstrip()


def read_file_at(repository: Path, commit: str, name: str) -> str | None:
    """Return a file of a commit; None if this clone does not have the file or the commit."""
    try:
        return git(repository, "show", f"{commit}:{name}")
    except ReleaseError:
        return None
