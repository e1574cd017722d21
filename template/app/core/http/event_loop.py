"""The event loop of `manage run`, which accepts many connections at a time.

For another command, pass `--loop app.core.http.event_loop:EventLoop` to Uvicorn.
"""

import socket
from collections.abc import Sequence
from typing import Any

import uvloop

LISTENERS = 32


class EventLoop(uvloop.Loop):
    """uvloop's event loop with several listeners per socket.

    A listener accepts one connection per iteration of the event loop. With a single one, clients
    that connect and leave would keep all others waiting.
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
        servers: list[Any] = [await create(protocol_factory, host, port, sock=sock, **options)]
        for listener in servers[0].sockets:
            for _ in range(LISTENERS - 1):
                duplicate = socket.fromfd(listener.fileno(), listener.family, listener.type)
                servers.append(await create(protocol_factory, sock=duplicate, **options))
        return ServerGroup(servers)


class ServerGroup:
    """Servers with the same sockets, as one server."""

    def __init__(self, servers: Sequence[Any]) -> None:
        self._servers = servers
        self.sockets = servers[0].sockets

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.close()

    async def wait_closed(self) -> None:
        """Wait until the servers are closed."""
        for server in self._servers:
            await server.wait_closed()
