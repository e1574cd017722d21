"""The update and exhaustive tests, in a clean clone of the commit to release."""

import subprocess
import sys
import tempfile
from pathlib import Path

from releasing.repository import ReleaseError, git

MARKERS = ("update", "exhaustive")


def reject_failing_tests(repository: Path) -> None:
    """Run the tests with these markers, showing their output; reject the commit if one fails."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        git(repository, "clone", "--quiet", str(repository), folder)
        for marker in MARKERS:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-m", marker], cwd=folder, check=False
            )
            if done.returncode:
                raise ReleaseError(f"the {marker} tests failed (see above)")
