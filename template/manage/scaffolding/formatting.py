"""What is made, as the project's own settings of ruff would have it."""

import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from manage.errors import CommandError

# Imports are sorted, and those that this resource does not need are left out.
TIDY = ("check", "--fix-only", "--select", "I,F401")
FORMAT = ("format",)


class Made(NamedTuple):
    """A text, and the template that it is made by."""

    text: str
    template: str


def tidy(files: Mapping[str, Made], root: Path) -> dict[str, str]:
    """The texts; those of Python files tidied."""
    ruff = find_ruff()
    with ThreadPoolExecutor() as threads:
        tidied = {
            path: threads.submit(_tidy, ruff, root, path, made)
            for path, made in files.items()
            if path.endswith(".py")
        }
        return {
            path: tidied[path].result() if path in tidied else made.text
            for path, made in files.items()
        }


def _tidy(ruff: str, root: Path, path: str, made: Made) -> str:
    text = made.text
    for command in (TIDY, FORMAT):
        done = subprocess.run(  # noqa: S603 (a list of ours, no shell)
            [ruff, *command, "--stdin-filename", path, "-"],
            input=text,
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            why = done.stderr.strip().partition("\n")[0].removeprefix("error: ")
            raise CommandError(f"The template {made.template} makes no valid Python: {why}")
        text = done.stdout
    return text


def find_ruff() -> str:
    """The program beside this Python, else the one on PATH."""
    beside = Path(sysconfig.get_path("scripts"))
    found = shutil.which("ruff", path=str(beside)) or shutil.which("ruff")
    if found is None:
        raise CommandError("ruff tidies what is made, and is not installed: run `uv sync` first")
    return found
