"""The repository that releases are cut in."""

import subprocess
from pathlib import Path


class RefusalError(Exception):
    """Why there is no release, in one sentence."""


def git(repository: Path, *arguments: str) -> str:
    """What git prints, without the end of the last line; its complaint is a refusal."""
    done = subprocess.run(
        ["git", *arguments], cwd=repository, capture_output=True, text=True, check=False
    )
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines() or ["failed"]
        raise RefusalError(f"git {arguments[0]}: {told[-1].removeprefix('fatal: ')}")
    return done.stdout.rstrip()


def file_at(repository: Path, commit: str, name: str) -> str | None:
    """A file as a commit has it; None if there is no such file, or no such commit in this clone."""
    try:
        return git(repository, "show", f"{commit}:{name}")
    except RefusalError:
        return None
