"""The stacks that Chassis renders: one per combination of the architectural answers."""

import itertools
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import pytest


@dataclass(frozen=True)
class Stack:
    concurrency: str = "async"
    layout: str = "per-entity"
    migrations: str = "alembic"
    multi_tenancy: bool = False
    auth: str = "jwt"
    example: bool = True

    @property
    def answers(self) -> dict[str, str | bool]:
        return asdict(self)

    def __str__(self) -> str:
        tenancy = "tenants" if self.multi_tenancy else "single"
        name = f"{self.concurrency}-{self.layout}-{self.migrations}-{tenancy}-{self.auth}"
        return name if self.example else f"{name}-bare"

    def with_answers(self, **answers: str | bool) -> "Stack":
        return replace(self, **answers)  # type: ignore[arg-type]  # each answer has its field's type


STACKS = [
    Stack(concurrency, layout, migrations, multi_tenancy, auth)
    for concurrency, layout, migrations, multi_tenancy, auth in itertools.product(
        ("async", "sync"),
        ("per-entity", "per-layer"),
        ("alembic", "dbmate"),
        (False, True),
        ("jwt", "session"),
    )
]
BARE = [stack.with_answers(example=False) for stack in STACKS]

# Two stacks that differ in every answer: together they render every conditional file.
OPPOSITES = [
    Stack("async", "per-entity", "alembic", False, "jwt"),
    Stack("sync", "per-layer", "dbmate", True, "session"),
]
# Every two values of two answers meet in one of these.
SPREAD = [
    *OPPOSITES,
    Stack("async", "per-layer", "dbmate", False, "session"),
    Stack("sync", "per-entity", "alembic", True, "jwt"),
    Stack("async", "per-entity", "dbmate", True, "jwt"),
    Stack("async", "per-layer", "alembic", True, "session"),
    Stack("sync", "per-entity", "dbmate", False, "session"),
    Stack("sync", "per-layer", "alembic", False, "jwt"),
]


def each(stacks: Iterable[Stack], *, quick: Iterable[Stack] = ()) -> pytest.MarkDecorator:
    """Parametrize a test by stack, with those of the quick tier marked."""
    chosen = set(quick)
    return pytest.mark.parametrize(
        "stack",
        [
            pytest.param(stack, id=str(stack), marks=[pytest.mark.quick] * (stack in chosen))
            for stack in stacks
        ],
    )
