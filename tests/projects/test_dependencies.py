"""Projects run on the oldest and the newest packages that they allow, and other tools install them.

A workflow runs these tests every night, because new packages appear without a change here.
"""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Install, Render
from tests.support.checks import run_own_tests
from tests.support.projects import Project
from tests.support.stacks import OPPOSITES, Stack, each

pytestmark = pytest.mark.exhaustive

FIND_UNTESTED = "from app.core.versions import *; print([*find_untested_versions()])"


@pytest.fixture
def project(stack: Stack, render: Render, tmp_path: Path) -> Project:
    """Return a project without packages."""
    shutil.copytree(render(stack).path, tmp_path / "project")
    return Project(tmp_path / "project")


@each(OPPOSITES)
def test_oldest_packages(stack: Stack, project: Project) -> None:
    project.run("uv", "sync", "--quiet", "--resolution", "lowest-direct")
    run_own_tests(project)


@each(OPPOSITES)
def test_newest_packages(stack: Stack, install: Install) -> None:
    """If only the last line fails, raise `TESTED` in app/core/versions.py."""
    project = install(stack)
    run_own_tests(project)
    assert project.uv_run("python", "-c", FIND_UNTESTED) == "[]\n"


@each(OPPOSITES[1:])
def test_poetry(stack: Stack, project: Project) -> None:
    poetry = ("uv", "tool", "run", "poetry>=2")
    project.run(*poetry, "install", "--no-interaction", POETRY_VIRTUALENVS_IN_PROJECT="true")
    assert "migrate" in project.run(
        *poetry, "run", "manage", "--help", POETRY_VIRTUALENVS_IN_PROJECT="true"
    )


@each(OPPOSITES[:1])
def test_pip(stack: Stack, project: Project) -> None:
    project.run("uv", "venv", "--quiet", ".venv")
    python = ".venv/bin/python"
    project.run("uv", "pip", "install", "--quiet", "--python", python, "pip>=25.1")
    project.run(python, "-m", "pip", "install", "--quiet", "--editable", ".", "--group", "dev")
    assert "migrate" in project.run(python, "-m", "manage", "--help")
    assert "passed" in project.run(python, "-m", "pytest", "--quiet", "tests/core/test_versions.py")
