"""Tests that the event loop accepts many connections at a time."""

import asyncio
import socket

import pytest

pytest.importorskip("uvloop")  # Not on Windows.

from app.core.http.event_loop import EventLoop

CONNECTIONS = 30


class Counter(asyncio.Protocol):
    """Counts accepted connections."""

    accepted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection and close it."""
        Counter.accepted += 1
        transport.close()


@pytest.mark.parametrize("is_bound", [False, True], ids=["address", "socket"])
def test_connections_are_accepted_together(is_bound: bool) -> None:
    async def accept() -> int:
        loop = asyncio.get_running_loop()
        if is_bound:  # As Uvicorn does with several workers.
            bound = socket.create_server(("127.0.0.1", 0))
            server = await loop.create_server(Counter, sock=bound)
        else:
            server = await loop.create_server(Counter, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        clients = [socket.create_connection(address) for _ in range(CONNECTIONS)]
        Counter.accepted = 0
        for _ in range(5):
            await asyncio.sleep(0)
        accepted = Counter.accepted
        for client in clients:
            client.close()
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        return accepted

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        assert runner.run(accept()) >= CONNECTIONS - 1


def test_server_is_a_context_manager() -> None:
    async def serve() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with server:
            assert server.is_serving()
            assert server.get_loop() is asyncio.get_running_loop()
            await server.start_serving()
        assert not server.is_serving()

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(serve())
