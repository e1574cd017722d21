"""Limits on concurrent work, which keep places free for other clients."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from app.core.errors import UnavailableError

ValueType = TypeVar("ValueType")
Waiter = asyncio.Future[None]


class Client(NamedTuple):
    """The sender of a request: its network and, once it is authenticated, its tenant or user."""

    network: str
    account: Hashable | None = None


# None outside of requests, such as in jobs and scripts.
current_client: ContextVar[Client | None] = ContextVar("current_client", default=None)
# Returns True if the client of the current request has closed its connection. Without a request or
# after the response, it returns False: nothing stops what runs then, such as background tasks.
is_client_gone: ContextVar[Callable[[], bool]] = ContextVar("is_client_gone", default=bool)
# Under this name, a server that knows passes that function as `is_closed`, in the ASGI extensions.
CONNECTION_EXTENSION = "app.connection"


class LoopLocal(Generic[ValueType]):
    """A value per event loop, created on first use."""

    def __init__(self, create: Callable[[], ValueType]) -> None:
        self._create = create
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, ValueType] = WeakKeyDictionary()

    def get(self) -> ValueType:
        """Return the value of the running event loop."""
        loop = asyncio.get_running_loop()
        value = self._values.get(loop)
        if value is None:
            value = self._values[loop] = self._create()
        return value

    def set(self, value: ValueType) -> None:
        """Set the value of the running event loop."""
        self._values[asyncio.get_running_loop()] = value


class ConcurrencyLimiter:
    """Limits concurrent work to a number of places; with several, no client can take all.

    An account can take three in five; so can the anonymous requests of a network. All accounts of a
    network together leave one place. Further work waits. Waiting clients take turns, so a client
    with many requests does not delay the others. Use a limiter in a single event loop.
    """

    def __init__(self, places: int, *, timeout_seconds: float) -> None:
        self._places = places
        self._places_per_account = max(1, places * 3 // 5)
        self._places_per_network = max(1, places - 1)
        self._timeout_seconds = timeout_seconds
        self._taken = 0
        self._accounts: Counter[Hashable] = Counter()
        self._networks: Counter[str] = Counter()
        # In the order of the clients' turns; each inner dictionary serves as an ordered set.
        self._waiting: dict[Client | None, dict[Waiter, None]] = {}

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take a place for the duration of the block.

        Raises UnavailableError if no place becomes free in time, or if the client leaves meanwhile.
        """
        client = current_client.get()
        if not self.take(client):
            await self.wait(client)
        try:
            yield
        finally:
            self.release(client)

    def take(self, client: Client | None) -> bool:
        """Take a place without waiting; return False if there is none for the client."""
        if not self._is_free(client):
            return False
        self._count(client, 1)
        return True

    async def wait(self, client: Client | None) -> None:
        """Wait for a place and take it.

        Raises UnavailableError if no place becomes free in time, or if the client leaves meanwhile.
        """
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
        if is_client_gone.get()():
            self.release(client)
            raise UnavailableError("The client has closed the connection.")

    def release(self, client: Client | None) -> None:
        """Release a place of the client, and give it to the next."""
        self._count(client, -1)
        while self._admit_next():  # One release can make two clients admissible.
            pass

    def _is_free(self, client: Client | None) -> bool:
        if self._taken >= self._places:
            return False
        return client is None or (
            self._accounts[get_account(client)] < self._places_per_account
            and self._networks[client.network] < self._places_per_network
        )

    def _count(self, client: Client | None, change: int) -> None:
        self._taken += change
        if client is None:
            return
        account, network = get_account(client), client.network
        self._accounts[account] += change
        self._networks[network] += change
        if not self._accounts[account]:
            del self._accounts[account]
        if not self._networks[network]:
            del self._networks[network]

    def _withdraw(self, client: Client | None, waiter: Waiter) -> None:
        """Remove a waiter, or release its place if it received one at the last moment."""
        if waiter.done() and not waiter.cancelled():
            self.release(client)
            return
        waiters = self._waiting[client]
        del waiters[waiter]
        if not waiters:
            del self._waiting[client]

    def _admit_next(self) -> bool:
        """Give a free place to the next waiting client that may take it; return False if none."""
        for client, waiters in self._waiting.items():
            waiter = next((waiter for waiter in waiters if not waiter.done()), None)
            if waiter is not None and self._is_free(client):
                del self._waiting[client], waiters[waiter]
                if waiters:
                    self._waiting[client] = waiters  # At the end: the other clients come first.
                self._count(client, 1)
                waiter.set_result(None)
                return True
        return False


def get_account(client: Client) -> Hashable:
    """Return the client's account, or its network if it is anonymous."""
    return client.network if client.account is None else client.account


def set_account(account: Hashable) -> None:
    """Count the rest of the current request for an authenticated account."""
    client = current_client.get()
    if client is not None:
        current_client.set(client._replace(account=account))
