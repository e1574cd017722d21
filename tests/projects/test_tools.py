"""The development tools of a project: held to its types, and absent from deployments."""

import re
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import Install
from tests.support.checks import check_types_of_tools
from tests.support.stacks import OPPOSITES, STACKS, Stack, each

COMMANDS = ("make", "remove", "inspect", "upgrade", "doctor")


@each(OPPOSITES, exhaustive=STACKS)
def test_types(stack: Stack, install: Install, shared_path: Path) -> None:
    check_types_of_tools(install(stack), shared_path)


@each(OPPOSITES)
def test_deployments_lack_them(stack: Stack, install: Install, tmp_path: Path) -> None:
    """Build the distributions and install the wheel, as a deployment does."""
    project = install(stack)
    project.run("uv", "build", "--quiet", "--out-dir", str(tmp_path))
    [wheel], [sdist] = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with ZipFile(wheel) as archive, tarfile.open(sdist) as source:
        packed, in_sdist = archive.namelist(), source.getnames()
    assert {"app/main.py", "manage/cli.py"} <= set(packed)
    assert any("/scaffold/migration." in name for name in in_sdist)
    assert any(name.startswith("manage/migration_files/core/0001_") for name in packed)
    assert [name for name in packed if name.startswith("migrations/")] == []
    assert [name for name in [*packed, *in_sdist] if "chassis_tools" in name] == []

    project.run("uv", "venv", "--quiet", str(tmp_path / "venv"))
    python = str(tmp_path / "venv/bin/python")
    project.run("uv", "pip", "install", "--quiet", "--python", python, str(wheel))
    count = "from manage.migrations.history import get_revisions; print(len(get_revisions()))"
    installed = project.run("env", "--chdir", str(tmp_path), python, "-c", count)
    assert int(installed) == len(list(project.path.glob("migrations/*/0*")))
    manage = str(tmp_path / "venv/bin/manage")
    printed = project.run("env", "--chdir", str(tmp_path), "COLUMNS=300", manage, "--help")
    assert "migrate" in printed
    for command in COMMANDS:
        reason = "it needs .chassis/, which only a checkout of the project has"
        [line] = [line for line in printed.splitlines() if re.match(rf"\W*{command} ", line)]
        assert f"Unavailable: {reason}." in line
        with pytest.raises(AssertionError) as failure:
            project.run("env", "--chdir", str(tmp_path), manage, command, "--help", "anything")
        [error] = str(failure.value).splitlines()[1:]
        assert error == f"Error: `manage {command}` is unavailable: {reason}"
