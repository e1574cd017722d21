"""The update tests, in a clean clone of the commit to release."""

import subprocess
import sys
import tempfile
from pathlib import Path

from releasing.repository import ReleaseError, git

MARKERS = ("update", "exhaustive")


def reject_failing_tests(repository: Path) -> None:
    """Run the update tests, showing their output, and reject the commit if one fails."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        git(repository, "clone", "--quiet", str(repository), folder)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-m", MARKER], cwd=folder, check=False
        )
    if done.returncode:
        raise ReleaseError("the update tests failed (see above)")
