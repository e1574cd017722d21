"""Interleaved rounds: every application has a turn in each, so that a busy machine slows all alike."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks import load
from benchmarks.contenders import Contender
from benchmarks.data import Scenario
from benchmarks.servers import Application

WARM_UP = 300


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float
    """About as long is each turn: the number of requests is fixed before the first."""
    connections: int


@dataclass(frozen=True)
class Turn:
    rate: float
    p99_ms: float
    cpu_us: float | None
    """Of the server's processor per request, where the system tells."""


@dataclass
class Results:
    turns: dict[tuple[str, str], list[Turn]] = field(default_factory=lambda: defaultdict(list))

    def ratios(self, name: str, base: str, scenario: str) -> list[float]:
        """Of the requests per second, each turn against the base's turn of the same round."""
        return [turn.rate / other.rate for turn, other in self._pairs(name, base, scenario)]

    def cpu_ratio(self, name: str, base: str, scenario: str) -> float | None:
        """Return the requests answered in the processor time that the base needs for one."""
        ratios = [
            other.cpu_us / turn.cpu_us
            for turn, other in self._pairs(name, base, scenario)
            if turn.cpu_us and other.cpu_us
        ]
        return statistics.median(ratios) if ratios else None

    def _pairs(self, name: str, base: str, scenario: str) -> Iterable[tuple[Turn, Turn]]:
        return zip(self.turns[name, scenario], self.turns[base, scenario], strict=True)

    def rate(self, name: str, scenario: str) -> float:
        return statistics.median(turn.rate for turn in self.turns[name, scenario])

    def p99_ms(self, name: str, scenario: str) -> float:
        return statistics.median(turn.p99_ms for turn in self.turns[name, scenario])

    def cpu_us(self, name: str, scenario: str) -> float | None:
        used = [turn.cpu_us for turn in self.turns[name, scenario] if turn.cpu_us is not None]
        return statistics.median(used) if used else None


def run_turn(application: Application, scenario: Scenario, count: int, connections: int) -> Turn:
    before = application.cpu_seconds()
    try:
        sent = load.run(application.port, scenario.requests, count, connections, scenario.status)
    except RuntimeError as error:
        raise RuntimeError(f"{application.name}: {error}\n{application.tail()}") from None
    after = application.cpu_seconds()
    cpu_us = None if before is None or after is None else (after - before) / count * 1e6
    return Turn(sent.rate, sent.percentile(0.99) * 1000, cpu_us)


def calibrate(contenders: Sequence[Contender], plan: Plan) -> dict[tuple[str, str], int]:
    """Warm up, and find how many requests fill a turn."""
    counts = {}
    for contender in contenders:
        for scenario in contender.scenarios:
            for _ in range(2):
                turn = run_turn(contender.application, scenario, WARM_UP, plan.connections)
            counts[contender.name, scenario.name] = max(WARM_UP, int(turn.rate * plan.seconds))
    return counts


def run_rounds(
    contenders: Sequence[Contender],
    plan: Plan,
    before_round: Callable[[int], None],
) -> Results:
    results = Results()
    counts = calibrate(contenders, plan)
    for number in range(plan.rounds):
        before_round(number + 1)
        first = number % len(contenders)
        for position in range(len(contenders[0].scenarios)):
            for contender in (*contenders[first:], *contenders[:first]):
                scenario = contender.scenarios[position]
                key = contender.name, scenario.name
                turn = run_turn(contender.application, scenario, counts[key], plan.connections)
                results.turns[key].append(turn)
    return results
