"""Measure the CPU time of a request if the routes of other resources are registered before it.

Usage: python -m benchmarks.routes [REQUESTS]
"""

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.project import REPOSITORY, install, render, run

NUMBERS = (0, 100, 500)
STACKS = ("async", "sync")


def main() -> None:
    requests = sys.argv[1] if len(sys.argv) > 1 else "500"
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        projects = render(Path(folder), STACKS)
        python = install(Path(folder), list(projects.values()))
        print(f"{'µs per request':16}{'routes':>8}{'APIRouter':>12}{'of FastAPI':>12}")
        for name, project in projects.items():
            command = (str(python), "-m", "benchmarks.apps.routes", requests, *map(str, NUMBERS))
            environment = {"PYTHONPATH": os.pathsep.join((str(project), str(REPOSITORY)))}
            times = [float(line) for line in run(*command, environment=environment).splitlines()]
            for number, ours, fastapis in zip(NUMBERS, times[::2], times[1::2], strict=True):
                print(f"{name:16}{number:8}{ours:12.0f}{fastapis:12.0f}")


if __name__ == "__main__":
    main()
