"""Measure the update of an edited project, step by step, against a fresh copy.

Usage: TMPDIR=/dev/shm python -m benchmarks.update [ROUNDS]

Run it in memory: on ext4, creating files is slow for minutes after many were deleted, so updates,
which delete thousands, would take longer in each round.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.render import REPOSITORY, processor_seconds
from tests.support.releases import NEXT, GitProject, Template
from tests.support.renderings import git
from tests.support.stacks import OPPOSITES, Stack

EDITED = ("app/core/errors.py", "app/main.py", "pyproject.toml")
COPIER = (sys.executable, "-m", "copier")
OPTIONS = ("--defaults", "--quiet", f"--vcs-ref={NEXT}")
SYNC = ("uv", "sync", "--quiet")
# The steps of `manage upgrade` that take noticeable time.
UPDATE = {
    "copier update": (*COPIER, "update", *OPTIONS),
    "uv sync": SYNC,
    "manage doctor": ("uv", "run", "--no-sync", "manage", "doctor"),
}
# Wall clock time and CPU time.
Seconds = tuple[float, float]
Steps = dict[str, Seconds]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        template = Template(REPOSITORY, Path(folder, "template"))
        template.head_every_file("of the next release")
        template.release(NEXT)
        git(template.path, "gc", "--quiet")  # like a published template
        for stack in OPPOSITES:
            project = Path(folder, "project")
            copies, updates = [], []
            for _ in range(rounds):
                copies.append(copy(template, stack, project))
                updates.append(update(template, stack, project))
            report(stack, medians(copies), medians(updates))


def copy(template: Template, stack: Stack, folder: Path) -> Steps:
    """Measure a copy of the next release."""
    answers = [f"--data={name}={str(value).lower()}" for name, value in stack.answers.items()]
    command = (*COPIER, "copy", *OPTIONS, *answers, str(template.path), str(folder))
    taken = {
        "copier copy": seconds_of(folder.parent, command),
        "uv sync": seconds_of(folder, SYNC),
    }
    shutil.rmtree(folder)
    return taken


def update(template: Template, stack: Stack, folder: Path) -> Steps:
    """Measure the update of a project with three edits to the next release."""
    project = GitProject.create(template, folder, stack.answers)
    seconds_of(folder, SYNC)
    for name in EDITED:
        project.append(name, "# an edit\n")
    project.commit("Edits")
    taken = {step: seconds_of(folder, command) for step, command in UPDATE.items()}
    shutil.rmtree(folder)
    return taken


def seconds_of(folder: Path, command: tuple[str, ...]) -> Seconds:
    outer = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    environment = {name: text for name, text in os.environ.items() if name not in outer}
    # uv's cache is on another file system, from which it would copy all packages.
    environment |= {"PYTHONWARNINGS": "ignore", "UV_LINK_MODE": "symlink"}
    started, used = time.perf_counter(), processor_seconds()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return time.perf_counter() - started, processor_seconds() - used


def medians(taken: list[Steps]) -> Steps:
    result = {}
    for step in taken[0]:
        clock, processor = zip(*(steps[step] for steps in taken), strict=True)
        result[step] = statistics.median(clock), statistics.median(processor)
    return result


def report(stack: Stack, copied: Steps, updated: Steps) -> None:
    print(f"{stack!s:40}{'seconds':>10}{'CPU seconds':>15}")
    for steps in (copied, updated):
        for step, seconds in steps.items():
            print_row(step, seconds)
    alone = total([updated["copier update"]]) / total([copied["copier copy"]])
    whole = total(updated.values()) / total(copied.values())
    print(f"  update of copy: Copier alone {alone:.2f}, all steps {whole:.2f}")


def total(taken: Iterable[Seconds]) -> float:
    """Return the wall clock time of all steps."""
    return sum(clock for clock, _ in taken)


def print_row(name: str, seconds: Seconds) -> None:
    clock, processor = seconds
    print(f"  {name:38}{clock:10.2f}{processor:15.2f}")


if __name__ == "__main__":
    main()
