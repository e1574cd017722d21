"""Render the template as its users do: from a git repository and without trust."""

import difflib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copier import run_copy
from copier._main import Worker

from tests.support.copier_speed import fast_copier
from tests.support.stacks import Stack

COMPUTED = ("at", "test_at", "module")


@dataclass(frozen=True)
class Rendering:
    path: Path
    answers: dict[str, Any]
    """The answers and the computed paths."""

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield every text file except the project's own templates."""
        for name, content in self.files().items():
            if not name.startswith("scaffold/"):
                yield name, content.decode()


class Renderings:
    """Renders each stack once for all test processes."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout = checkout
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def __call__(self, stack: Stack) -> Rendering:
        target = self.folder / str(stack)
        if not target.exists():
            # Rename it into place, so that other processes see all of it or nothing.
            scratch = Path(tempfile.mkdtemp(dir=self.folder))
            rendering = render(self.checkout, scratch / "project", stack.answers)
            (scratch / "answers.json").write_text(json.dumps(rendering.answers))
            try:
                scratch.rename(target)
            except OSError:
                shutil.rmtree(scratch)
        return Rendering(target / "project", json.loads((target / "answers.json").read_text()))


def copy(template: Path, target: Path, answers: dict[str, Any], version: str = "HEAD") -> Worker:
    """Run `copier copy` without trust, to a folder outside of any repository."""
    with fast_copier():
        return run_copy(
            str(template),
            target,
            data={"project_name": "Probe", **answers},
            defaults=True,
            quiet=True,
            unsafe=False,
            vcs_ref=version,
        )


def render(checkout: Path, target: Path, answers: dict[str, Any]) -> Rendering:
    known = copy(checkout, target, answers).answers.combined
    return Rendering(target, {name: known[name] for name in (*answers, *COMPUTED)})


def difference(one: str, other: str) -> str:
    """Return a diff, which is empty for equal texts."""
    return "\n".join(difflib.unified_diff(one.split("\n"), other.split("\n"), lineterm="", n=1))


def copy_checkout(repository: Path, target: Path) -> None:
    """Commit the working tree to a new repository."""
    copy_working_tree(repository, target)
    git(target, "init", "--quiet")
    git(target, "add", "--all")
    git(target, "commit", "--quiet", "--message", "Working tree")
    git(target, "gc", "--quiet")  # as in a clone: Copier removes its copy folder by folder


def copy_working_tree(repository: Path, target: Path) -> None:
    """Copy all files except ignored ones."""
    listed = git(repository, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        if (source := repository / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def git(folder: Path, *arguments: str) -> str:
    who = {"NAME": "Chassis tests", "EMAIL": "tests@example.com"}
    identity = {f"GIT_{role}_{key}": who[key] for role in ("AUTHOR", "COMMITTER") for key in who}
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(
        command, env={**os.environ, **identity}, capture_output=True, text=True, check=True
    )
    return done.stdout
