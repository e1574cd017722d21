"""Measure rendering: `copier copy --defaults` of Chassis against a template of one file.

Usage: python -m benchmarks.render [ROUNDS]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.renderings import copy_checkout, git

REPOSITORY = Path(__file__).parents[1]


def make_empty_template(folder: Path) -> Path:
    (folder / "template").mkdir(parents=True)
    (folder / "template/README.md").write_text("The only file.\n")
    (folder / "copier.yml").write_text("_subdirectory: template\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "One file")
    git(folder, "gc", "--quiet")
    return folder


def seconds_to_copy(template: Path) -> tuple[float, float]:
    """Return the wall clock time and the CPU time of a copy, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--defaults", "--quiet", "--vcs-ref=HEAD", str(template), f"{folder}/project"]
        started, used = time.perf_counter(), processor_seconds()
        subprocess.run([sys.executable, "-m", "copier", "copy", *options], check=True)
        return time.perf_counter() - started, processor_seconds() - used


def processor_seconds() -> float:
    """Return the CPU time of all child processes, which varies less than wall clock time."""
    spent = os.times()
    return spent.children_user + spent.children_system


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder:
        empty = make_empty_template(Path(folder, "empty"))
        chassis = Path(folder, "chassis")
        copy_checkout(REPOSITORY, chassis)
        times: dict[Path, list[tuple[float, float]]] = {empty: [], chassis: []}
        for turn in range(rounds + 1):
            for template, taken in times.items():
                taken.append(seconds_to_copy(template))
            print(f"\rround {turn} of {rounds}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        # The first round fills the caches of the file system.
        report({template.name: taken[1:] for template, taken in times.items()})


def report(times: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    medians = [
        [statistics.median(measured) for measured in zip(*taken, strict=True)]
        for taken in times.values()
    ]
    print(f"{'':10}{'seconds':>10}{'CPU seconds':>15}")
    for name, (clock, processor) in zip(times, medians, strict=True):
        print(f"{name:10}{clock:10.2f}{processor:15.2f}")
    clock, processor = (chassis / empty for empty, chassis in zip(*medians, strict=True))
    print(f"{'ratio':10}{clock:10.2f}{processor:15.2f}")


if __name__ == "__main__":
    main()
