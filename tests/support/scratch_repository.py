"""Repositories in which tests cut releases."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from releasing import changelog, releases
from tests.conftest import REPOSITORY
from tests.support.renderings import git

CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- Something.

### When you upgrade

- Nothing to do.
"""
SETTINGS = """\
[tool.pytest]
markers = ["exhaustive: on further stacks", "update: what no release may break"]
strict = true
"""
TEST = """\
import subprocess

import pytest


@pytest.mark.update
def test_update():
    assert {}


@pytest.mark.exhaustive
def test_exhaustive():
    assert True


def test_another():
    assert False
"""
GREEN = TEST.format('subprocess.check_output(["git", "status", "--porcelain"]) == b""')
RED = TEST.format("False")

State = tuple[str, str, dict[str, bytes]]


class ScratchRepository:
    """A repository in which releases can be cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        git(path.parent, "init", "--quiet", "--initial-branch", "main", str(path))
        shutil.copytree(
            REPOSITORY / "releasing",
            path / "releasing",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        (path / "tests").mkdir()
        self.write(".gitignore", "__pycache__/\n.pytest_cache/\n")
        self.write("pyproject.toml", SETTINGS)
        self.write("tests/test_planted.py", GREEN)
        self.write(changelog.NAME, CHANGELOG)
        self.write(releases.NAME, "# None yet.\n")
        self.commit("Start")

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def commit(self, message: str) -> None:
        git(self.path, "add", "--all")
        git(self.path, "commit", "--quiet", "--message", message)

    def release(self, version: str) -> "subprocess.CompletedProcess[str]":
        """Run `python -m releasing` as maintainers do."""
        who = {"NAME": "Chassis tests", "EMAIL": "tests@example.com"}
        identity = {
            f"GIT_{role}_{key}": who[key] for role in ("AUTHOR", "COMMITTER") for key in who
        }
        ours = ("PYTEST_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return subprocess.run(
            [sys.executable, "-m", "releasing", version],
            cwd=self.path,
            env=kept | identity | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def state(self) -> State:
        """Return all references, the status and the files."""
        listed = git(self.path, "ls-files", "--cached", "--others", "--exclude-standard").split()
        files = {name: (self.path / name).read_bytes() for name in listed}
        references = git(self.path, "show-ref")
        return references, git(self.path, "status", "--porcelain"), files
