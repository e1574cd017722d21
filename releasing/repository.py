"""The repository that releases are cut in."""

import subprocess
from pathlib import Path


class RefusalError(Exception):
    """Why there is no release, in one sentence."""


def git(repository: Path, *arguments: str) -> str:
    """Run git and return its output without the last newline; an error is a refusal."""
    done = subprocess.run(
        ["git", *arguments], cwd=repository, capture_output=True, text=True, check=False
    )
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines() or ["failed"]
        raise RefusalError(f"git {arguments[0]}: {told[-1].removeprefix('fatal: ')}")
    return done.stdout.rstrip()


def file_at(repository: Path, commit: str, name: str) -> str | None:
    """Return a file of a commit, or None if file or commit are not in this clone."""
    try:
        return git(repository, "show", f"{commit}:{name}")
    except RefusalError:
        return None
