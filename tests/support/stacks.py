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
# Two more, which combine the answers in another way.
OTHER_OPPOSITES = [
    Stack("async", "per-layer", "dbmate", False, "session"),
    Stack("sync", "per-entity", "alembic", True, "jwt"),
]
# A covering array of strength three: every combination of any three of the six answers occurs in
# one of these stacks.
COVERING = [
    *OPPOSITES,
    Stack("sync", "per-layer", "alembic", False, "jwt"),
    Stack("async", "per-layer", "dbmate", False, "jwt", example=False),
    Stack("async", "per-layer", "alembic", True, "session"),
    Stack("async", "per-entity", "dbmate", True, "jwt"),
    Stack("async", "per-entity", "alembic", False, "session", example=False),
    Stack("sync", "per-layer", "dbmate", True, "jwt", example=False),
    Stack("sync", "per-entity", "alembic", True, "jwt", example=False),
    Stack("sync", "per-entity", "dbmate", False, "session"),
    Stack("sync", "per-layer", "alembic", False, "session", example=False),
    Stack("async", "per-entity", "dbmate", True, "session", example=False),
]
# A covering array of strength two, for the most expensive tests.
PAIRWISE = [
    *OPPOSITES,
    Stack("async", "per-layer", "dbmate", False, "jwt", example=False),
    Stack("sync", "per-entity", "alembic", True, "jwt", example=False),
    Stack("sync", "per-layer", "alembic", False, "session", example=False),
    Stack("async", "per-entity", "dbmate", True, "session", example=False),
]
# Those of them in which every concurrency occurs with every layout and every migration tool, for
# tests of resources: their code depends on no other answer.
CONCURRENCY_AND_LAYOUT = PAIRWISE[:4]
# The same for tests that need the example.
COVERING_WITH_EXAMPLE = [stack.with_answers(example=True) for stack in COVERING]
# Two opposite stacks for each API.
EQUIVALENT = [
    Stack(*answers, multi_tenancy, auth)
    for multi_tenancy in (False, True)
    for auth in ("jwt", "session")
    for answers in (("async", "per-entity", "alembic"), ("sync", "per-layer", "dbmate"))
]
# Those of two APIs, and one for each of the others.
SERVED = [
    stack
    for stack in EQUIVALENT
    if stack.concurrency == "async" or stack.multi_tenancy == (stack.auth == "session")
]


def each(
    stacks: Iterable[Stack], *, quick: Iterable[Stack] = (), exhaustive: Iterable[Stack] = ()
) -> pytest.MarkDecorator:
    """Parametrize a test by stack, with those of the quick and of the exhaustive tier marked."""
    chosen, default = set(quick), list(stacks)
    more = [stack for stack in exhaustive if stack not in default]
    return pytest.mark.parametrize(
        "stack",
        [
            *(
                pytest.param(stack, id=str(stack), marks=[pytest.mark.quick] * (stack in chosen))
                for stack in default
            ),
            *(pytest.param(stack, id=str(stack), marks=pytest.mark.exhaustive) for stack in more),
        ],
    )


def find_uncovered(stacks: Iterable[Stack], strength: int) -> set[tuple[tuple[str, object], ...]]:
    """Return the combinations of that many answers that occur in no stack."""

    def combine(chosen: Iterable[Stack]) -> set[tuple[tuple[str, object], ...]]:
        return {
            combination
            for stack in chosen
            for combination in itertools.combinations(stack.answers.items(), strength)
        }

    return combine(STACKS + BARE) - combine(stacks)
