"""The event loop of `manage run`, which accepts many connections at a time.

For another command that listens on TCP, pass `--loop app.core.http.event_loop:EventLoop` to
Uvicorn.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import uvloop

LISTENERS = 32


class EventLoop(uvloop.Loop):
    """uvloop's event loop with several listeners per socket.

    A listener accepts one connection per iteration of the event loop. With a single listener,
    clients that connect and disconnect repeatedly would keep all others waiting.
    """

    async def create_server(
        self,
        protocol_factory: Any,
        host: Any = None,
        port: Any = None,
        *,
        sock: Any = None,
        **options: Any,
    ) -> Any:
        """Create a server with LISTENERS listeners for each of its sockets."""
        create = super().create_server
        server: Any = await create(protocol_factory, host, port, sock=sock, **options)
        servers = [server]
        for listener in server.sockets:
            for _ in range(LISTENERS - 1):
                duplicate = socket.fromfd(listener.fileno(), listener.family, listener.type)
                servers.append(await create(protocol_factory, sock=duplicate, **options))
        return ServerGroup(servers)


class ServerGroup(asyncio.AbstractServer):
    """Servers with the same sockets, as one server."""

    def __init__(self, servers: Sequence[Any]) -> None:
        self._servers = servers
        self.sockets = servers[0].sockets

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop of the servers."""
        loop: asyncio.AbstractEventLoop = self._servers[0].get_loop()
        return loop

    def is_serving(self) -> bool:
        """Return True if the servers accept connections."""
        return bool(self._servers[0].is_serving())

    async def start_serving(self) -> None:
        """Start to accept connections."""
        for server in self._servers:
            await server.start_serving()

    async def serve_forever(self) -> None:
        """Accept connections until the task is cancelled, then close the servers."""
        await asyncio.gather(*(server.serve_forever() for server in self._servers))

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.close()

    async def wait_closed(self) -> None:
        """Wait until the servers are closed."""
        for server in self._servers:
            await server.wait_closed()
