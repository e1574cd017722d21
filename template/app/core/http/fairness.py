"""Fair shares of the event loop and of memory for each client network."""

import asyncio
import time
from collections import deque
from weakref import WeakValueDictionary

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from app.core.concurrency import CLIENT_GONE, is_client_gone
from app.core.errors import UnavailableError

MAX_WAITING_REQUESTS = 1000
MAX_PAUSE_SECONDS = 0.25
SMALL_BYTES = 8 * 1024
LARGE_BYTES = 64 * 1024
# These limit the memory that a network's requests use: those in transfer and those that wait for
# it.
MAX_TRANSFERS = 50
MAX_WAITING_TRANSFERS = 50
TRANSFER_TIMEOUT_SECONDS = 30
BUSY = "Too many requests are being processed. Try again later."


class Turns:
    """Lets each network start one request per iteration of the event loop.

    Otherwise a client with a hundred connections would get a hundred times another's share. With
    `paced`, a network pauses after each turn for as long as the turn took, but at most
    MAX_PAUSE_SECONDS.
    """

    def __init__(self, *, paced: bool = False) -> None:
        self._paced = paced
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def wait(self, network: str) -> None:
        """Wait for the network's turn; raise UnavailableError if too many requests wait for it."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting.get(network)
        if waiting is None:
            self._waiting[network] = deque()
            loop.call_soon(self._end_turn, loop, network, time.perf_counter())
            return
        if len(waiting) >= MAX_WAITING_REQUESTS:
            raise UnavailableError(BUSY, retry_after=1)
        turn = loop.create_future()
        waiting.append(turn)
        await turn

    def is_full(self, network: str) -> bool:
        """Return True if no further request of the network may wait."""
        return len(self._waiting.get(network, ())) >= MAX_WAITING_REQUESTS

    def _end_turn(self, loop: asyncio.AbstractEventLoop, network: str, started: float) -> None:
        if self._paced:
            pause = min(time.perf_counter() - started, MAX_PAUSE_SECONDS)
            loop.call_later(pause, self._start_turn, loop, network)
        else:
            self._start_turn(loop, network)

    def _start_turn(self, loop: asyncio.AbstractEventLoop, network: str) -> None:
        waiting = self._waiting[network]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():  # Its request was cancelled.
                turn.set_result(None)
                loop.call_soon(self._end_turn, loop, network, time.perf_counter())
                return
        del self._waiting[network]


class TransferLimit:
    """The slots for large bodies and responses of one network."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MAX_TRANSFERS)
        self._waiting = 0

    async def acquire(self) -> None:
        """Take a slot; raise UnavailableError if none becomes free in time."""
        if self._slots.locked() and self._waiting >= MAX_WAITING_TRANSFERS:
            raise UnavailableError(BUSY, retry_after=1)
        self._waiting += 1
        try:
            async with asyncio.timeout(TRANSFER_TIMEOUT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise UnavailableError(BUSY, retry_after=1) from None
        finally:
            self._waiting -= 1

    def release(self) -> None:
        """Release a slot."""
        self._slots.release()


class Transfers:
    """Limits the large bodies and responses per network, because they stay in memory."""

    def __init__(self) -> None:
        self._limits: WeakValueDictionary[str, TransferLimit] = WeakValueDictionary()

    def create(self, network: str) -> "Transfer":
        """Create the transfer of a request, which takes no slot before it begins."""
        return Transfer(self._limits, network)


class Transfer:
    """The slot of a request with a large body or a large response."""

    __slots__ = ("_limit", "_limits", "_network")

    def __init__(self, limits: WeakValueDictionary[str, TransferLimit], network: str) -> None:
        self._limits = limits
        self._network = network
        self._limit: TransferLimit | None = None

    async def begin(self) -> None:
        """Take a slot, unless the request has one; raise UnavailableError if there is none."""
        if self._limit is not None:
            return
        limit = self._limits.get(self._network)
        if limit is None:
            limit = self._limits[self._network] = TransferLimit()
        await limit.acquire()
        self._limit = limit

    def end(self) -> None:
        """Release the slot, if the request has one."""
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.release()


class BodyReceiver:
    """Receives a request's body.

    Beyond SMALL_BYTES, each part waits for a turn; beyond LARGE_BYTES, the request also waits for a
    slot.
    """

    __slots__ = ("_bytes", "_network", "_receive", "_transfer", "_turns")

    def __init__(self, receive: Receive, transfer: Transfer, turns: Turns, network: str) -> None:
        self._receive = receive
        self._transfer = transfer
        self._turns = turns
        self._network = network
        self._bytes = 0

    async def receive(self) -> Message:
        """Receive an ASGI message."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            if self._bytes > SMALL_BYTES:
                await self._wait()
        return message

    async def _wait(self) -> None:
        try:
            if self._bytes > LARGE_BYTES:
                await self._transfer.begin()
            await self._turns.wait(self._network)
            if is_client_gone():
                raise UnavailableError(CLIENT_GONE)
        except UnavailableError as error:
            # FastAPI responds with 400 to any other exception while it reads the body.
            raise HTTPException(503, error.detail, {"Retry-After": "1"}) from None
