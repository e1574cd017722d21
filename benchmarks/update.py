"""What an update costs: `copier update` of an edited project against a fresh `copier copy`.

Usage: TMPDIR=/dev/shm python -m benchmarks.update [ROUNDS]

In memory, because on ext4 a file costs the more the more were deleted in the last minutes: round by
round updates, which delete thousands, took longer.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.render import REPOSITORY, processor_seconds
from tests.releases import NEXT, Template, Update
from tests.renderings import git
from tests.stacks import OPPOSITES, Stack

EDITED = ("app/core/errors.py", "app/main.py", "pyproject.toml")
Seconds = tuple[float, float]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        template = Template(REPOSITORY, Path(folder, "template"))
        template.head_every_file("of the next release")
        template.release(NEXT)
        git(template.path, "gc", "--quiet")  # as a template is that was pushed
        for stack in OPPOSITES:
            taken = [measure(template, stack, Path(folder, "project")) for _ in range(rounds)]
            report(stack, taken)


def measure(template: Template, stack: Stack, folder: Path) -> tuple[Seconds, Seconds]:
    """A copy of the next release, and an update to it of a project that has three edits."""
    answers = [f"--data={name}={str(value).lower()}" for name, value in stack.answers.items()]
    copied = seconds_of(folder.parent, "copy", *answers, str(template.path), str(folder))
    shutil.rmtree(folder)
    project = Update.born(template, folder, stack.answers)
    for name in EDITED:
        project.append(name, "# an edit\n")
    project.commit("Edits")
    updated = seconds_of(folder, "update")
    shutil.rmtree(folder)
    return copied, updated


def seconds_of(folder: Path, command: str, *arguments: str) -> Seconds:
    """On the clock, and of the processor."""
    started, used = time.perf_counter(), processor_seconds()
    options = ("--defaults", "--quiet", f"--vcs-ref={NEXT}", *arguments)
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    copier = [sys.executable, "-m", "copier", command, *options]
    subprocess.run(copier, cwd=folder, env=environment, check=True)
    return time.perf_counter() - started, processor_seconds() - used


def report(stack: Stack, taken: list[tuple[Seconds, Seconds]]) -> None:
    copies, updates = zip(*taken, strict=True)
    print(f"{stack!s:40}{'seconds':>10}{'of processor':>15}")
    rows = {"copy": medians(copies), "update": medians(updates)}
    clock, processor = (new / old for new, old in zip(rows["update"], rows["copy"], strict=True))
    rows["ratio"] = clock, processor
    for name, (clock, processor) in rows.items():
        print(f"{name:40}{clock:10.2f}{processor:15.2f}")


def medians(measured: tuple[Seconds, ...]) -> Seconds:
    clock, processor = zip(*measured, strict=True)
    return statistics.median(clock), statistics.median(processor)


if __name__ == "__main__":
    main()
