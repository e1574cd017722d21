"""Tests of the limits for requests and idle clients, on real connections."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from app.core.concurrency import CONNECTION_EXTENSION
from app.core.http import server
from app.core.http.server import MAX_HEADER_BYTES, MAX_HEADERS, HttpProtocol
from tests.support.waiting import wait_until

Send = Callable[[dict[str, Any]], Awaitable[None]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]

GET = b"GET / HTTP/1.1\r\nHost: test\r\n"
POST = GET.replace(b"GET", b"POST", 1)
LARGE = b"x" * 20_000_000
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
SECONDS = 0.3
seen: list[bool] = []


async def respond(scope: dict[str, Any], receive: Callable[[], Any], send: Send) -> None:
    """Respond after the body has been received, at /slow after the time limit for headers."""
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/left":
        is_closed = scope["extensions"][CONNECTION_EXTENSION]["is_closed"]
        seen.append(is_closed())
        await wait_until(is_closed)
        seen.append(is_closed())
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(2 * SECONDS)
    body = LARGE if scope["path"] == "/large" else b"ok"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def converse(talk: Talk) -> bytes:
    """Talk to a server on a new connection and return what the conversation returns."""

    async def run() -> bytes:
        config = Config(respond, http=HttpProtocol, log_config=None, timeout_keep_alive=1)
        state = ServerState()
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: HttpProtocol(config, state, {}), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        try:
            async with asyncio.timeout(10):
                return await talk(reader, writer)
        finally:
            writer.close()
            listener.close()
            await listener.wait_closed()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def short_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEADER_SECONDS", SECONDS)
    monkeypatch.setattr(server, "STALL_SECONDS", SECONDS)


@pytest.mark.parametrize("sent", [b"", GET, b"\r\n", GET + b"\r\n" + GET])
def test_incomplete_headers_are_not_awaited_forever(sent: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(sent)
        return await reader.read()  # Until the server closes the connection.

    assert converse(talk).count(b"200 OK") == sent.count(b"\r\n\r\n")


def test_blank_lines_do_not_keep_a_connection() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(GET + b"\r\n")
        await reader.readuntil(b"ok")
        writer.write(b"\r\n")
        return await reader.read()

    assert converse(talk) == b""


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_large_headers_are_rejected(end: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(GET + b"X-Large: " + b"x" * MAX_HEADER_BYTES + end)
        return await reader.read()

    head, _, body = converse(talk).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "bad_request"


@pytest.mark.parametrize("before", [b"", GET + b"\r\n"])
def test_application_sees_that_the_client_has_left(before: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(before + GET.replace(b"/", b"/left", 1) + b"\r\n")
        await wait_until(lambda: len(seen) == 1)
        writer.close()
        await wait_until(lambda: len(seen) == 2)
        return b""

    seen.clear()
    converse(talk)
    assert seen == [False, True]


@pytest.mark.parametrize(("count", "status"), [(MAX_HEADERS - 1, b"200"), (MAX_HEADERS, b"400")])
def test_headers_are_limited(count: int, status: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(GET + b"a:\r\n" * count + b"\r\n")
        return await reader.readuntil(b"\r\n\r\n")

    assert converse(talk).startswith(b"HTTP/1.1 " + status)


def test_pipelined_requests_are_limited() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write((GET.replace(b"/", b"/slow", 1) + b"\r\n") * 20)
        return await reader.read()

    assert b"HTTP/1.1 400" in converse(talk)


@pytest.mark.parametrize(
    "sent",
    [
        GET.replace(b"/", b"/slow", 1) + b"\r\n",
        GET + b"X-Large: " + b"x" * (MAX_HEADER_BYTES - 100) + b"\r\n\r\n",
        GET + b"Content-Length: 300000\r\n\r\n" + b"x" * 300_000,
        (GET + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000) * 2,
    ],
)
def test_other_requests_are_served(sent: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(sent)
        received = [await reader.readuntil(b"\r\n\r\nok") for _ in range(sent.count(b"GET"))]
        return b"".join(received)

    assert converse(talk).count(b"200 OK") == sent.count(b"GET")


@pytest.mark.parametrize("sent", [b"Content-Length: 10\r\n\r\nx", CHUNKED + b"1\r\nx\r\n"])
def test_incomplete_body_is_not_awaited_forever(sent: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(POST + sent)
        with suppress(ConnectionResetError):
            return await reader.read()
        return b""

    assert converse(talk) == b""


def test_slow_body_is_received() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(POST + b"Content-Length: 6\r\n\r\n")
        for _ in range(6):
            await asyncio.sleep(SECONDS / 2)
            writer.write(b"x")
        return await reader.readuntil(b"ok")

    assert b"200 OK" in converse(talk)


def test_unread_response_is_dropped() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET.replace(b"/", b"/large", 1) + b"\r\n")
        await asyncio.sleep(4 * SECONDS)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        with suppress(ConnectionResetError):
            return await reader.read()
        return b""

    assert len(converse(talk)) < len(LARGE)


def test_slowly_read_response_is_complete() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(GET.replace(b"/", b"/large", 1) + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        parts = []
        for _ in range(5):
            await asyncio.sleep(SECONDS / 2)
            parts.append(await reader.readexactly(len(LARGE) // 5))
        return b"".join(parts)

    assert converse(talk) == LARGE


def test_tiny_chunks_are_rejected() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(POST + CHUNKED + b"1\r\nx\r\n" * 3000 + b"0\r\n\r\n")
        with suppress(ConnectionResetError):
            return await reader.readuntil(b"\r\n")
        return b""

    assert converse(talk).startswith(b"HTTP/1.1 400")


def test_small_chunks_are_received() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(POST + CHUNKED)
        for _ in range(10):
            writer.write((b"20\r\n" + b"x" * 32 + b"\r\n") * 200)
            await asyncio.sleep(0.02)
        writer.write(b"0\r\n\r\n")
        return await reader.readuntil(b"ok")

    assert b"200 OK" in converse(talk)
