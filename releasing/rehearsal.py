"""The update tests, in a clean clone of what would be released."""

import subprocess
import sys
import tempfile
from pathlib import Path

from releasing.repository import RefusalError, git

MARKER = "update"


def reject_red(repository: Path) -> None:
    """Stop unless every test with the marker passes; what they print is seen as they run."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        git(repository, "clone", "--quiet", str(repository), folder)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-m", MARKER], cwd=folder, check=False
        )
    if done.returncode:
        raise RefusalError("the update tests are not green (above)")
