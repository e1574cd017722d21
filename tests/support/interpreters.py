"""The Python versions that rendered projects are checked on."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LOWEST = "3.11"
# The newest first; the PostgreSQL wheel does not support later ones.
NEWER = ["3.14", "3.13", "3.12"]


@dataclass(frozen=True)
class Interpreter:
    version: str
    path: Path


@cache
def uv() -> str:
    """Return the uv that runs these tests, or the one on the path."""
    return os.environ.get("UV") or shutil.which("uv") or "uv"


@cache
def find(version: str) -> Interpreter | None:
    """Find an installed interpreter: uv's, on the path, or next to the current one."""
    command = [uv(), "python", "find", "--no-project", "--no-python-downloads", version]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Interpreter(version, Path(done.stdout.strip()))
    beside = sorted(Path(sys.base_prefix).parent.glob(f"*/bin/python{version}"))
    return Interpreter(version, beside[-1]) if beside else None


def lowest() -> Interpreter:
    """Return Python 3.11, or the current interpreter if 3.11 is not installed."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    return find(LOWEST) or Interpreter(ours, Path(sys.executable))


def newest() -> Interpreter | None:
    return next(filter(None, map(find, NEWER)), None)
