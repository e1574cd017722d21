"""Limits on concurrent work, which keep slots free for other clients."""

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
# The key in `scope["extensions"]` under which `HttpProtocol` passes `is_closed`, a function.
CONNECTION_EXTENSION = "app.connection"
CLIENT_GONE = "The client has closed the connection."
_is_closed: ContextVar[Callable[[], bool] | None] = ContextVar("is_closed", default=None)


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


class ConcurrencyLimiter:
    """Limits concurrent work to a number of slots; with several, no client can take all.

    An account can take three fifths; so can the anonymous requests of a network. All accounts of a
    network together leave one slot. Further work waits. Waiting clients take turns, so a client
    with many requests does not delay the others. Use a limiter in a single event loop.
    """

    def __init__(self, slots: int, *, timeout_seconds: float) -> None:
        self._slots = slots
        self._slots_per_account = max(1, slots * 3 // 5)
        self._slots_per_network = max(1, slots - 1)
        self._timeout_seconds = timeout_seconds
        self._taken = 0
        self._accounts: Counter[Hashable] = Counter()
        self._networks: Counter[str] = Counter()
        # In the order of the clients' turns; each inner dictionary serves as an ordered set.
        self._waiting: dict[Client | None, dict[Waiter, None]] = {}

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Take a slot for the duration of the block.

        Raises UnavailableError if no slot becomes free in time, or if the client leaves meanwhile.
        """
        client = current_client.get()
        if not self.take(client):
            await self.wait(client)
        try:
            yield
        finally:
            self.release(client)

    def take(self, client: Client | None) -> bool:
        """Take a slot without waiting; return False if there is none for the client."""
        if not self._is_free(client):
            return False
        self._count(client, 1)
        return True

    async def wait(self, client: Client | None) -> None:
        """Wait for a slot and take it.

        Raises UnavailableError if no slot becomes free in time, or if the client leaves meanwhile.
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
        if is_client_gone():
            self.release(client)
            raise UnavailableError(CLIENT_GONE)

    def release(self, client: Client | None) -> None:
        """Release a slot of the client, and give it to the next."""
        self._count(client, -1)
        while self._admit_next():  # One release can make two clients admissible.
            pass

    def _is_free(self, client: Client | None) -> bool:
        if self._taken >= self._slots:
            return False
        return client is None or (
            self._accounts[get_account(client)] < self._slots_per_account
            and self._networks[client.network] < self._slots_per_network
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
        """Remove a waiter, or release its slot if it received one at the last moment."""
        if waiter.done() and not waiter.cancelled():
            self.release(client)
            return
        waiters = self._waiting[client]
        del waiters[waiter]
        if not waiters:
            del self._waiting[client]

    def _admit_next(self) -> bool:
        """Give a free slot to the next waiting client that may take it; return False if none."""
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


def watch_connection(is_closed: Callable[[], bool] | None) -> None:
    """Set the function that returns True once the connection of the current request is closed."""
    _is_closed.set(is_closed)


def is_client_gone() -> bool:
    """Return True if the client of the current request has closed its connection.

    Returns False outside of requests and after the response, so that background tasks run to the
    end.
    """
    is_closed = _is_closed.get()
    return is_closed is not None and is_closed()


def get_account(client: Client) -> Hashable:
    """Return the client's account, or its network if it is anonymous."""
    return client.network if client.account is None else client.account


def set_account(account: Hashable) -> None:
    """Count the rest of the current request for an authenticated account."""
    client = current_client.get()
    if client is not None:
        current_client.set(client._replace(account=account))
