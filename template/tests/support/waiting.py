"""Waiting for conditions in tests of the event loop."""

import asyncio
from collections.abc import Callable

TIMEOUT_SECONDS = 10


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true, for a limited time."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():  # noqa: ASYNC110  The condition has no event.
            await asyncio.sleep(0.001)
