"""Projects that `manage doctor` checks, and its findings."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.interpreters import uv
from tests.support.projects import Project
from tests.support.releases import NEXT
from tests.support.renderings import git
from tests.support.stacks import Stack

PRODUCTION = ["DATABASE_URL", "SECRET_KEY", "PUBLIC_URL", "SMTP_HOST", "MAIL_FROM"]

Finding = tuple[str, str, str]
"""The check, the severity, the problem."""

UNFETCHED = (
    "Not checked: The template /nowhere cannot be fetched: git clone: repository '/nowhere' does"
    " not exist"
)
LOST: list[Finding] = [("drift", "note", UNFETCHED), ("version", "note", UNFETCHED)]


@dataclass(frozen=True)
class DoctorCase:
    """A committed and installed project, and its template."""

    stack: Stack
    template: Path
    project: Project

    def doctor(self, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [uv(), "run", "--no-sync", "manage", "doctor", *options],
            cwd=self.project.path,
            env=self.project.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def findings(self, **environment: str) -> list[dict[str, str]]:
        """Return the findings of `manage doctor --json` and check its exit code."""
        done = self.doctor("--json", **environment)
        findings: list[dict[str, str]] = json.loads(done.stdout)
        assert done.returncode == any(one["severity"] == "error" for one in findings), done.stderr
        return findings

    def new_findings(self, **environment: str) -> list[Finding]:
        """Return the findings without those of every new project or of a missing template."""
        found = [
            (one["check"], one["severity"], one["problem"]) for one in self.findings(**environment)
        ]
        for one in [*initial_findings(self.stack), *LOST]:
            if one in found:
                found.remove(one)
        return found

    def lose_template(self) -> None:
        """Make the template unavailable, which saves the time to render it."""
        self.edit(".copier-answers.yml", "^_src_path: .*$", "_src_path: /nowhere")

    def remedies(self) -> str:
        return "\n".join(one["remedy"] for one in self.findings())

    def place(self, role: str) -> str:
        """Return the path of a module of the resource `note`."""
        return f"app/{role}/note.py" if self.stack.layout == "per-layer" else f"app/notes/{role}.py"

    def module(self, role: str, entity: str = "note") -> str:
        of_layer = f"app.{role}.{entity}"
        return of_layer if self.stack.layout == "per-layer" else f"app.{entity}s.{role}"

    def registry(self, role: str) -> str:
        of_layer = f"app/{role}/__init__.py"
        return of_layer if self.stack.layout == "per-layer" else f"app/{role}.py"

    def write(self, path: str, text: str) -> None:
        (self.project.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.project.path / path).write_text(text)

    def edit(self, path: str, pattern: str, replacement: str) -> None:
        before = (self.project.path / path).read_text()
        after = re.sub(pattern, replacement, before, count=1, flags=re.MULTILINE)
        assert after != before
        self.write(path, after)

    def reset(self, start: str) -> None:
        """Reset the project to its first commit, but keep its packages and bytecode."""
        git(self.project.path, "reset", "--quiet", "--hard", start)
        kept = ("--exclude=.venv", "--exclude=__pycache__")
        git(self.project.path, "clean", "--quiet", "--force", "-d", "-x", *kept)
        if NEXT in git(self.template, "tag", "--list"):
            git(self.template, "tag", "--delete", NEXT)


def initial_findings(stack: Stack) -> list[Finding]:
    """Return the notes about a project that was never started or configured."""
    never_started = "The local database was never started, so it has no migrations yet"
    return [
        ("migrations", "note", never_started),
        *settings_findings(stack, "note", "Production would reject this: "),
    ]


def settings_findings(stack: Stack, severity: str, prefix: str = "") -> list[Finding]:
    """Return the findings about settings that other environments require."""
    wrong = {name: f"{name} is not set" for name in PRODUCTION}
    if stack.auth == "jwt":
        wrong["SECRET_KEY"] = "SECRET_KEY is missing or weak"
    else:
        del wrong["SECRET_KEY"]
    return [("settings", severity, f"{prefix}{problem}") for problem in wrong.values()]
