"""The commands of the README, in an empty environment with an empty home folder."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.clean_home import empty_environment
from tests.support.projects import Server, free_port
from tests.support.renderings import git

BLOCKS = re.findall(r"```bash\n(.+?)\n```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
FROM_ADDRESS, FROM_CHECKOUT, TEST = BLOCKS[:3]


@pytest.fixture
def clean_environment(checkout: Path, tmp_path: Path) -> dict[str, str]:
    """Return an empty environment in which the published address leads to this working tree."""
    git(tmp_path, "clone", "--quiet", "--bare", str(checkout), "published.git")
    return empty_environment(tmp_path / "published.git", tmp_path / "home")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(FROM_ADDRESS, id="address"),
        pytest.param(FROM_CHECKOUT, id="checkout", marks=pytest.mark.exhaustive),
    ],
)
def test_one_command_renders_and_runs(
    command: str, clean_environment: dict[str, str], checkout: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", str(checkout), "chassis")
    port = free_port()
    log = tmp_path / "output.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"{command} --port {port}"],
            cwd=tmp_path / "chassis",
            env=clean_environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, f"http://127.0.0.1:{port}", log, tmp_path)
    try:
        server.wait_until_ready()
        assert server.get("/docs").status_code == 200
        assert re.search(r"password", log.read_text(), re.IGNORECASE)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
        assert server.remaining_processes() == []
    finally:
        server.kill()


def test_test_command_starts(
    clean_environment: dict[str, str], checkout: Path, tmp_path: Path
) -> None:
    """Only collect: this test is itself part of what the command runs."""
    git(tmp_path, "clone", "--quiet", str(checkout), "chassis")
    done = subprocess.run(
        ["bash", "-c", f"{TEST} --collect-only --quiet -n0"],
        cwd=tmp_path / "chassis",
        env=clean_environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_one_command_renders_and_runs[address]" in done.stdout


@pytest.mark.quick
def test_commands_run_with_older_versions_of_curl() -> None:
    """Ubuntu 22.04 has version 7.81, and the option --json is of 7.82."""
    paths = [
        REPOSITORY / "README.md",
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "template").rglob("*.md*"),
    ]
    texts = [path.read_text().replace("\\\n", "") for path in paths]
    commands = [line for text in texts for line in text.splitlines() if "curl " in line]
    assert commands
    assert [command for command in commands if "--json" in command] == []
