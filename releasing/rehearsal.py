"""The update tests and the exhaustive ones, in a clean clone of what would be released."""

import subprocess
import sys
import tempfile
from pathlib import Path

from releasing.repository import RefusalError, git

MARKERS = ("update", "exhaustive")


def reject_red(repository: Path) -> None:
    """Stop unless every test with these markers passes; their output is shown as they run."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        git(repository, "clone", "--quiet", str(repository), folder)
        for marker in MARKERS:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-m", marker], cwd=folder, check=False
            )
            if done.returncode:
                raise RefusalError(f"the {marker} tests are not green (above)")
