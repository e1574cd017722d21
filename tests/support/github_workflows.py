"""The commands of a project's GitHub workflows, run with a fake `gh`."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.projects import Project

# Logs its calls, lists the pull requests in GH_OPEN and fails as GH_REFUSALS says.
GH = f"""\
#!{sys.executable}
import json, os, sys

arguments = sys.argv[1:]
text = sys.stdin.read() if "--body-file" in arguments else ""
with open(os.environ["GH_LOG"], "a") as log:
    print(json.dumps([arguments, text, os.environ.get("GH_TOKEN", "")]), file=log)
for option, complaint in json.loads(os.environ.get("GH_REFUSALS", "{{}}")).items():
    if option in arguments:
        sys.exit("pull request create failed: GraphQL: " + complaint)
if arguments[:2] == ["pr", "list"]:
    print(os.environ.get("GH_OPEN", "[]"))
elif arguments[:2] == ["pr", "create"]:
    print("https://github.com/example/probe/pull/1")
"""


@dataclass(frozen=True)
class Call:
    """A call of `gh`."""

    arguments: list[str]
    text: str
    token: str

    def option(self, name: str) -> str:
        return self.arguments[self.arguments.index(name) + 1]


class Runner:
    """Runs workflows as GitHub's runners do."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "gh.log"
        self.programs = folder / "programs"
        self.programs.mkdir(parents=True)
        for name, code in {"gh": GH, "pipx": "#!/bin/sh\n"}.items():
            program = self.programs / name
            program.write_text(code)
            program.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.programs}:{os.environ['PATH']}", "GH_LOG": str(self.log)}

    def run(self, project: Project, name: str, **environment: str) -> str:
        """Run the commands of a workflow until one fails, and return their output."""
        said = ""
        for step in steps(project.path / ".github" / "workflows" / f"{name}.yml"):
            given = {key: resolved(value) for key, value in step.get("env", {}).items()}
            if "run" in step:
                command = ("bash", "-e", "-c", step["run"])
                said += project.run(*command, **self.environment | given | environment)
        return said

    def calls(self) -> list[Call]:
        """Return the calls of `gh` so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [Call(*json.loads(line)) for line in lines]

    def created(self) -> list[Call]:
        return [call for call in self.calls() if call.arguments[:2] == ["pr", "create"]]


def steps(workflow: Path) -> list[dict[str, Any]]:
    """Return the steps of the only job."""
    (job,) = yaml.safe_load(workflow.read_text())["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def resolved(value: str) -> str:
    """Evaluate an expression as in a repository without secrets."""
    return value.replace("${{ secrets.UPGRADE_TOKEN || github.token }}", "token-of-the-run")


def check_schema(schema: str, *files: Path) -> "subprocess.CompletedProcess[str]":
    """Validate files with one of check-jsonschema's built-in schemas."""
    program = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema)
    return subprocess.run([*program, *map(str, files)], capture_output=True, text=True, check=False)
