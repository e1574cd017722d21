"""Compare requests per second of the rendered project, a floor and plain baselines.

Usage: uv run python -m benchmarks [--quick] [--only NAME,NAME] [--rounds N]
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import NAMES, USUAL, open_all
from benchmarks.measure import Plan, Results, run_rounds
from benchmarks.project import get_versions
from benchmarks.report import report


@dataclass(frozen=True)
class Options:
    only: tuple[str, ...]
    plan: Plan


def parse_names(text: str) -> tuple[str, ...]:
    chosen = {name.strip() for name in text.split(",")}
    if unknown := chosen - set(NAMES):
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}"
        )
    return tuple(name for name in NAMES if name in chosen)


def parse_positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def parse(arguments: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--only",
        type=parse_names,
        default=USUAL,
        metavar="NAME,NAME",
        help=f"any of {', '.join(NAMES)}",
    )
    parser.add_argument(
        "--rounds", type=parse_positive, help="number of rounds; default 9, with --quick 3"
    )
    parser.add_argument(
        "--seconds", type=float, help="length of a turn; default 1.5, with --quick 0.5"
    )
    parser.add_argument(
        "--connections", type=parse_positive, default=32, help="keep-alive connections; default 32"
    )
    parser.add_argument("--quick", action="store_true", help="half a minute, rough figures")
    given = parser.parse_args(arguments)
    rounds, seconds = (3, 0.5) if given.quick else (9, 1.5)
    plan = Plan(given.rounds or rounds, given.seconds or seconds, given.connections)
    return Options(given.only, plan)


def run_benchmark(options: Options) -> tuple[Results, list[str]]:
    """Return the results and the names of the scenarios."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        show_progress(f"Preparing {', '.join(options.only)}")
        with open_all(Path(folder), options.only) as (stage, opened):

            def before_round(number: int) -> None:
                show_progress(f"Round {number} of {options.plan.rounds}")
                stage.tidy()

            print(get_versions(stage.python))
            results = run_rounds(opened, options.plan, before_round)
            return results, [scenario.name for scenario in opened[0].scenarios]


def show_progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    options = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the servers are stopped
    try:
        results, scenarios = run_benchmark(options)
    except RuntimeError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("Stopped.") from None
    print(report(results, options.only, scenarios))


if __name__ == "__main__":
    main()
