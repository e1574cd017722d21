"""Requirements of tests: without them a test is skipped, and with CI set it fails."""

import os
import shutil

import pytest

# Debian installs servers where only root's path leads.
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def require(is_available: bool, reason: str) -> None:
    """Skip the test if something is missing, or fail it where nothing may be skipped."""
    if is_available:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and with CI set no test may be skipped")
    pytest.skip(reason)


def require_program(name: str) -> str:
    """Return the path of a program that is listed in .ci/packages.txt by its package."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])
    program = shutil.which(name, path=path)
    require(program is not None, f"{name} is not installed")
    return program or ""
