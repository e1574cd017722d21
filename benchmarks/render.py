"""What rendering costs: `copier copy --defaults` of Chassis against a template of one file.

Usage: python -m benchmarks.render [ROUNDS]
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.renderings import copy_checkout, git

REPOSITORY = Path(__file__).parents[1]


def make_empty_template(folder: Path) -> Path:
    (folder / "template").mkdir(parents=True)
    (folder / "template/README.md").write_text("Nothing else.\n")
    (folder / "copier.yml").write_text("_subdirectory: template\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "One file")
    return folder


def seconds_to_copy(template: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        options = ["--defaults", "--quiet", "--vcs-ref=HEAD", str(template), f"{folder}/project"]
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "copier", "copy", *options], check=True)
        return time.perf_counter() - started


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder:
        empty = make_empty_template(Path(folder, "empty"))
        chassis = Path(folder, "chassis")
        copy_checkout(REPOSITORY, chassis)
        times: dict[Path, list[float]] = {empty: [], chassis: []}
        for turn in range(rounds + 1):
            for template, taken in times.items():
                taken.append(seconds_to_copy(template))
            print(f"\rround {turn} of {rounds}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        # The first round fills the caches of the file system.
        medians = {template: statistics.median(taken[1:]) for template, taken in times.items()}
    print(f"template of one file {medians[empty]:.2f} s")
    print(f"chassis              {medians[chassis]:.2f} s")
    print(f"ratio                {medians[chassis] / medians[empty]:.2f}")


if __name__ == "__main__":
    main()
