"""Keep-alive HTTP load on loopback: a fixed number of requests over a fixed number of connections."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Result:
    requests: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        return sorted(self.latencies)[int(share * (len(self.latencies) - 1))]


@dataclass
class Load:
    """The requests left to send, shared by all connections."""

    requests: Sequence[bytes]
    count: int
    expected_status: bytes
    finished: asyncio.Future[None]
    sent: int = 0
    latencies: list[float] = field(default_factory=list)

    def next_request(self) -> bytes | None:
        if self.sent == self.count:
            return None
        request = self.requests[self.sent % len(self.requests)]
        self.sent += 1
        return request

    def answered(self, status: bytes, body: bytes, seconds: float) -> None:
        if status != self.expected_status:
            self.fail(f"answered {status.decode()}, not {self.expected_status.decode()}: {body!r}")
            return
        self.latencies.append(seconds)
        if len(self.latencies) == self.count and not self.finished.done():
            self.finished.set_result(None)

    def fail(self, message: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(RuntimeError(message))


class Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, load: Load) -> None:
        self.load = load
        self.received = b""
        self.started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def connection_lost(self, exception: Exception | None) -> None:
        self.load.fail(f"The server closed the connection: {exception}")

    def send(self) -> None:
        request = self.load.next_request()
        if request is not None:
            self.started = time.perf_counter()
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator or len(body) < content_length(head):
            return
        self.received = b""
        self.load.answered(head[9:12], body, time.perf_counter() - self.started)
        self.send()


def content_length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(b"\r\ncontent-length:")
    if start < 0:
        raise RuntimeError(f"No Content-Length in {head!r}")
    return int(lowered[start + 17 :].split(b"\r\n", 1)[0])


async def _run(
    port: int, requests: Sequence[bytes], count: int, connections: int, status: bytes
) -> Result:
    loop = asyncio.get_running_loop()
    load = Load(requests, count, status, loop.create_future())
    started = time.perf_counter()
    transports = [
        (await loop.create_connection(lambda: Connection(load), "127.0.0.1", port))[0]
        for _ in range(min(connections, count))
    ]
    try:
        await load.finished
        return Result(count, time.perf_counter() - started, load.latencies)
    finally:
        for transport in transports:
            transport.close()


def run(
    port: int, requests: Sequence[bytes], count: int, connections: int, status: bytes
) -> Result:
    return asyncio.run(_run(port, requests, count, connections, status))


def encode(
    method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
) -> bytes:
    fields = {"Host": "localhost", "Accept": "application/json", **(headers or {})}
    if body:
        fields.setdefault("Content-Type", "application/json")
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
