"""The Python versions that rendered projects are checked on."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

LOWEST = "3.11"
# The newest first; the PostgreSQL wheel has none for later ones.
NEWER = ["3.14", "3.13", "3.12"]


def uv() -> str:
    """The uv that runs these tests, or the one on the path."""
    return os.environ.get("UV") or shutil.which("uv") or "uv"


@cache
def find(version: str) -> Path | None:
    """An installed interpreter: of uv's, on the path, or beside the one that runs this."""
    command = [uv(), "python", "find", "--no-project", "--no-python-downloads", version]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Path(done.stdout.strip())
    beside = sorted(Path(sys.base_prefix).parent.glob(f"*/bin/python{version}"))
    return beside[-1] if beside else None


def lowest() -> Path:
    return find(LOWEST) or Path(sys.executable)


def newest() -> Path | None:
    return next(filter(None, map(find, NEWER)), None)
