"""Limits on concurrent work, which keep places free for other clients."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar

from app.core.errors import UnavailableError

Waiter = asyncio.Future[None]

# The request's tenant or user, otherwise its network; None for the kernel's own work.
current_client: ContextVar[Hashable | None] = ContextVar("current_client", default=None)


class ConcurrencyLimiter:
    """Limits concurrent work to a number of places; one client can take at most three in five.

    Further work waits for a place. Waiting clients take turns, so a client with many requests does
    not delay the others. Use a limiter in a single event loop.
    """

    def __init__(self, places: int, *, timeout_seconds: float) -> None:
        self._places = places
        self._places_per_client = max(1, places * 3 // 5)
        self._timeout_seconds = timeout_seconds
        self._taken: Counter[Hashable | None] = Counter()
        # In the order of the clients' turns; each inner dictionary serves as an ordered set.
        self._waiting: dict[Hashable | None, dict[Waiter, None]] = {}

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take a place for the duration of the block.

        Raises UnavailableError if no place becomes free in time.
        """
        client = current_client.get()
        if not self.take(client):
            await self.wait(client)
        try:
            yield
        finally:
            self.release(client)

    def take(self, client: Hashable | None) -> bool:
        """Take a place without waiting; return False if there is none for the client."""
        if not self._is_free(client):
            return False
        self._taken[client] += 1
        return True

    async def wait(self, client: Hashable | None) -> None:
        """Wait for a place and take it; raise UnavailableError if none becomes free in time."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, {})[waiter] = None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await waiter
        except BaseException as error:
            self._withdraw(client, waiter)
            if not isinstance(error, TimeoutError):
                raise
            detail = "Too many requests are being processed. Try again later."
            raise UnavailableError(detail, retry_after=1) from None

    def release(self, client: Hashable | None) -> None:
        """Release a place of the client, and give it to the next."""
        self._taken[client] -= 1
        if not self._taken[client]:
            del self._taken[client]
        self._admit_next()

    def _is_free(self, client: Hashable | None) -> bool:
        if self._taken.total() >= self._places:
            return False
        return client is None or self._taken[client] < self._places_per_client

    def _withdraw(self, client: Hashable | None, waiter: Waiter) -> None:
        """Remove a waiter, or release its place if it received one at the last moment."""
        if waiter.done() and not waiter.cancelled():
            self.release(client)
            return
        waiters = self._waiting[client]
        del waiters[waiter]
        if not waiters:
            del self._waiting[client]

    def _admit_next(self) -> None:
        """Give a free place to the next waiting client that may take it."""
        for client, waiters in self._waiting.items():
            waiter = next((waiter for waiter in waiters if not waiter.done()), None)
            if waiter is not None and self._is_free(client):
                del self._waiting[client], waiters[waiter]
                if waiters:
                    self._waiting[client] = waiters  # At the end: the other clients come first.
                self._taken[client] += 1
                waiter.set_result(None)
                return
