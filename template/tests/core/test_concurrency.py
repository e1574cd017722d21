"""Tests of limits on concurrent work: slots, turns of clients, and waiting times."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

import pytest

from app.core.concurrency import (
    Client,
    ConcurrencyLimiter,
    current_client,
    set_account,
    watch_connection,
)
from app.core.errors import UnavailableError

SLOTS = 5
TIMEOUT_SECONDS = 30  # so that a slot that is never released fails the test
Arguments = ParamSpec("Arguments")

ANN, BOB, CY = Client("10.0.0.1", "ann"), Client("10.0.0.2", "bob"), Client("10.0.0.3")


class Work:
    """Work that takes a slot until it is ended, and the order in which it began."""

    def __init__(self, *, timeout_seconds: float = 5) -> None:
        self.limiter = ConcurrencyLimiter(SLOTS, timeout_seconds=timeout_seconds)
        self.running: list[Client | None] = []
        self._ends: list[asyncio.Event] = []

    async def begin(self, client: Client | None) -> "asyncio.Task[None]":
        """Begin work for a client, which waits if there is no free slot."""
        task = asyncio.create_task(self._run(client))
        await pause()
        return task

    async def end_first(self) -> None:
        """End the work that began first."""
        self._ends.pop(0).set()
        await pause()

    async def _run(self, client: Client | None) -> None:
        current_client.set(client)
        async with self.limiter.slot():
            self.running.append(client)
            end = asyncio.Event()
            self._ends.append(end)
            await end.wait()
            self.running.remove(client)


def run_in_event_loop(
    test: Callable[Arguments, Coroutine[Any, Any, None]],
) -> Callable[Arguments, None]:
    """Decorate a coroutine function, so that it runs in a new event loop."""

    def run(*args: Arguments.args, **options: Arguments.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **options), TIMEOUT_SECONDS))

    return wraps(test)(run)


async def pause() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@run_in_event_loop
async def test_client_leaves_slots_for_others() -> None:
    work = Work()
    tasks = [await work.begin(ANN) for _ in range(20)]
    tasks += [await work.begin(BOB) for _ in range(2)]
    assert work.running == [ANN, ANN, ANN, BOB, BOB]

    for task in tasks:
        task.cancel()


@run_in_event_loop
async def test_clients_take_turns() -> None:
    work = Work()
    tasks = [await work.begin(ANN) for _ in range(20)]
    tasks += [await work.begin(client) for client in (BOB, BOB, BOB, CY)]
    await work.end_first()
    assert work.running == [ANN, ANN, BOB, BOB, ANN]
    await work.end_first()
    assert work.running == [ANN, BOB, BOB, ANN, BOB]
    await work.end_first()
    assert work.running == [BOB, BOB, ANN, BOB, CY]

    for task in tasks:
        task.cancel()


@run_in_event_loop
async def test_account_in_several_networks_leaves_slots_for_others() -> None:
    work = Work()
    tasks = [await work.begin(ANN._replace(network=str(number))) for number in range(20)]
    assert len(work.running) == 3
    tasks.append(await work.begin(BOB))
    assert BOB in work.running

    for task in tasks:
        task.cancel()


@run_in_event_loop
async def test_network_with_several_accounts_leaves_a_slot_for_others() -> None:
    work = Work()
    tasks = [await work.begin(ANN._replace(account=number)) for number in range(20)]
    assert len(work.running) == SLOTS - 1
    tasks.append(await work.begin(BOB))
    assert BOB in work.running
    for _ in range(SLOTS):
        await work.end_first()
    assert len(work.running) == SLOTS - 1

    for task in tasks:
        task.cancel()


@run_in_event_loop
async def test_one_end_admits_each_client_that_became_admissible() -> None:
    work = Work()
    other = ANN._replace(account="other")
    running = [ANN, ANN, ANN, other]
    tasks = [await work.begin(client) for client in running]
    third = ANN._replace(account="third")
    elsewhere = ANN._replace(network="10.0.0.9")
    tasks += [await work.begin(client) for client in (third, elsewhere)]
    assert work.running == running

    await work.end_first()
    assert {third, elsewhere} <= {*work.running}

    for task in tasks:
        task.cancel()


@run_in_event_loop
async def test_anonymous_requests_of_a_network_leave_slots_for_others() -> None:
    work = Work()
    tasks = [await work.begin(CY) for _ in range(20)]
    assert len(work.running) == 3

    for task in tasks:
        task.cancel()


@run_in_event_loop
async def test_account_is_added_to_the_current_client() -> None:
    current_client.set(CY)
    set_account("cy")
    assert current_client.get() == CY._replace(account="cy")


@run_in_event_loop
async def test_work_of_the_kernel_can_take_each_slot() -> None:
    work = Work()
    tasks = [await work.begin(None) for _ in range(SLOTS + 1)]
    assert len(work.running) == SLOTS

    for task in tasks:
        task.cancel()


@run_in_event_loop
async def test_waits_for_a_limited_time() -> None:
    work = Work(timeout_seconds=0.01)
    tasks = [await work.begin(ANN) for _ in range(3)]
    rejected = await work.begin(ANN)
    with pytest.raises(UnavailableError) as caught:
        await rejected
    assert caught.value.retry_after == 1
    await work.end_first()
    tasks.append(await work.begin(ANN))
    assert work.running == [ANN] * 3

    for task in tasks:
        task.cancel()


@pytest.mark.parametrize("is_admitted", [True, False])
@run_in_event_loop
async def test_cancelled_work_leaves_its_slot(is_admitted: bool) -> None:
    work = Work()
    tasks = [await work.begin(ANN) for _ in range(3)]
    waiting = await work.begin(ANN)
    if is_admitted:  # The slot is given to it before it can notice the cancellation.
        work._ends.pop(0).set()
        await asyncio.sleep(0)
    waiting.cancel()
    await pause()
    if not is_admitted:
        await work.end_first()
    tasks.append(await work.begin(ANN))
    assert work.running == [ANN] * 3

    for task in tasks:
        task.cancel()


@run_in_event_loop
async def test_client_that_leaves_takes_no_slot() -> None:
    work = Work()
    tasks = [await work.begin(ANN) for _ in range(3)]
    watch_connection(lambda: True)
    waiting = await work.begin(ANN)
    watch_connection(None)
    tasks.append(await work.begin(ANN))
    await work.end_first()
    assert work.running == [ANN] * 3
    with pytest.raises(UnavailableError):
        await waiting

    for task in tasks:
        task.cancel()


@run_in_event_loop
async def test_errors_release_the_slot() -> None:
    limiter = ConcurrencyLimiter(1, timeout_seconds=0.01)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with limiter.slot():
                raise ZeroDivisionError
