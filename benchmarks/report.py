"""The tables that are printed."""

import statistics
from collections.abc import Callable, Sequence

from benchmarks.measure import Results
from benchmarks.project import WITH_TENANTS

LABELS = {
    "floor": "bare ASGI + asyncpg",
    "plain": "plain FastAPI + ORM",
    "dressed": "the same, dressed",
    "async": "Chassis, async",
    "sync": "Chassis, sync",
    "async-tenants": "async with tenants",
    "sync-tenants": "sync with tenants",
}
FIRST, COLUMN = 22, 31
Cell = Callable[[str, str], str]


def table(title: str, names: Sequence[str], scenarios: Sequence[str], cell: Cell) -> str:
    lines = [
        "",
        title,
        "",
        " " * FIRST + "".join(f"{scenario:<{COLUMN}}" for scenario in scenarios),
    ]
    for name in names:
        cells = "".join(f"{cell(name, scenario):<{COLUMN}}" for scenario in scenarios)
        lines.append(f"{LABELS[name]:<{FIRST}}{cells}")
    return "\n".join(line.rstrip() for line in lines)


def ratio_cell(results: Results, base: str) -> Cell:
    def cell(name: str, scenario: str) -> str:
        ratios = results.ratios(name, base, scenario)
        middle = statistics.median(ratios)
        cpu = results.cpu_ratio(name, base, scenario)
        spread = f"{middle:5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        return spread if cpu is None else f"{spread} {cpu:5.2f}"

    return cell


def ratio_table(results: Results, names: Sequence[str], scenarios: Sequence[str], base: str) -> str:
    title = f"Requests per second, {LABELS[base]} = 1: median (lowest to highest), by CPU time"
    return table(title, names, scenarios, ratio_cell(results, base))


def absolute_cell(results: Results) -> Cell:
    def cell(name: str, scenario: str) -> str:
        cpu = results.cpu_us(name, scenario)
        rate, p99 = results.rate(name, scenario), results.p99_ms(name, scenario)
        return f"{rate:5.0f}/s {p99:4.0f} ms" + ("" if cpu is None else f" {cpu:5.0f} µs")

    return cell


def tenancy_tables(results: Results, names: Sequence[str], scenarios: Sequence[str]) -> list[str]:
    """Return the cost of tenants, for projects measured with and without them."""
    tables = []
    for name, base in WITH_TENANTS.items():
        if name in names and base in names:
            tables.append(ratio_table(results, [base, name], scenarios, base))
    return tables


def report(results: Results, names: Sequence[str], scenarios: Sequence[str]) -> str:
    tables = []
    for base in ("dressed", "plain"):
        if base in names:
            tables.append(ratio_table(results, names, scenarios, base))
    tables.extend(tenancy_tables(results, names, scenarios))
    title = "Requests per second, 99th percentile, CPU time of the server a request (medians)"
    tables.append(table(title, names, scenarios, absolute_cell(results)))
    return "\n".join(tables)
