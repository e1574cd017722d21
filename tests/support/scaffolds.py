"""Copies of rendered projects that run with the packages of an installed one."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.crash_injection import tree
from tests.support.projects import Project, link_own_bytecode

MANAGE = ("-c", "from manage.cli import main; main()")


@dataclass(frozen=True)
class Scaffold:
    path: Path
    python: Path
    environment: dict[str, str]

    @classmethod
    def copy(cls, project: Project, rendered: Path, target: Path) -> "Scaffold":
        """Copy a rendering; Python prefers its modules to those of the installed project."""
        shutil.copytree(rendered, target, symlinks=True)
        link_own_bytecode(project.path, target)
        ours = {"PYTHONDONTWRITEBYTECODE": "1", "RUFF_NO_CACHE": "true"}
        return cls(target, project.path / ".venv/bin/python", project.environment | ours)

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.python, *arguments],
            cwd=self.path,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*arguments, **environment) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def check(self, module: str, *arguments: str) -> None:
        """Run a checker, which must succeed."""
        done = self.run("-m", module, *arguments)
        assert done.returncode == 0, f"{module}\n{(done.stdout + done.stderr)[-8000:]}"

    def manage(self, *words: str, **environment: str) -> str:
        """Run a command that must succeed and return its output."""
        done = self.run(*MANAGE, *words, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refusal(self, *words: str, **environment: str) -> str:
        """Run a command that must fail and change nothing, and return its message."""
        before = self.tree()
        done = self.run(*MANAGE, *words, **environment)
        assert (done.returncode, self.tree()) == (1, before), done.stdout + done.stderr
        [line] = done.stderr.splitlines()
        assert line.startswith("Error: ")
        assert not line.endswith(".")
        return line.removeprefix("Error: ")

    def tree(self) -> dict[str, bytes]:
        """Return all files and folders except the database and its secrets."""
        return {
            name: content
            for name, content in tree(self.path).items()
            if not name.startswith((".postgres", ".local"))
        }

    def write(self, path: str, text: str) -> None:
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_text(text)

    def git(self, *arguments: str) -> None:
        who = {"NAME": "Chassis tests", "EMAIL": "tests@example.com"}
        identity = {
            f"GIT_{role}_{key}": who[key] for role in ("AUTHOR", "COMMITTER") for key in who
        }
        subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=os.environ | identity,
            check=True,
            capture_output=True,
        )
