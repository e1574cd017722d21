"""The rendered project against a floor and plain baselines, interleaved, on the same rows.

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
from benchmarks.project import versions
from benchmarks.report import report


@dataclass(frozen=True)
class Options:
    only: tuple[str, ...]
    plan: Plan


def names(text: str) -> tuple[str, ...]:
    chosen = {name.strip() for name in text.split(",")}
    if unknown := chosen - set(NAMES):
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(NAMES)}"
        )
    return tuple(name for name in NAMES if name in chosen)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def parse(arguments: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--only", type=names, default=USUAL, metavar="NAME,NAME", help=f"of {', '.join(NAMES)}"
    )
    parser.add_argument("--rounds", type=positive, help="default 9, with --quick 3")
    parser.add_argument("--seconds", type=float, help="of a turn; default 1.5, with --quick 0.5")
    parser.add_argument("--connections", type=positive, default=32, help="default 32")
    parser.add_argument("--quick", action="store_true", help="half a minute, rough figures")
    given = parser.parse_args(arguments)
    rounds, seconds = (3, 0.5) if given.quick else (9, 1.5)
    plan = Plan(given.rounds or rounds, given.seconds or seconds, given.connections)
    return Options(given.only, plan)


def compete(options: Options) -> tuple[Results, list[str]]:
    """Return the results and the names of the scenarios."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        progress(f"Preparing {', '.join(options.only)}")
        with open_all(Path(folder), options.only) as (stage, opened):

            def before_round(number: int) -> None:
                progress(f"Round {number} of {options.plan.rounds}")
                stage.tidy()

            print(versions(stage.python))
            results = run_rounds(opened, options.plan, before_round)
            return results, [scenario.name for scenario in opened[0].scenarios]


def progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    options = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # take the servers away then, too
    try:
        results, scenarios = compete(options)
    except RuntimeError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("Stopped.") from None
    print(report(results, options.only, scenarios))


if __name__ == "__main__":
    main()
