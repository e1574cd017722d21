"""A TCP proxy in front of the database that can stop forwarding, as a broken network does."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import URL

# https://www.postgresql.org/docs/current/protocol-error-fields.html
SHUTDOWN_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
SHUTDOWN = b"E" + (len(SHUTDOWN_FIELDS) + 4).to_bytes(4) + SHUTDOWN_FIELDS


class Proxy:
    """Forwards connections to a database until `silence` is called."""

    def __init__(self, target: URL) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._silent = threading.Event()
        self._start(self._accept)

    @property
    def url(self) -> URL:
        """The database's URL through the proxy."""
        host, port = self._listener.getsockname()
        return self._target.set(host=host, port=port, query={})

    def silence(self) -> None:
        """Discard what open connections send; new connections still work."""
        self._silent.set()
        self._silent = threading.Event()

    def end_sessions(self) -> None:
        """Send the server's last message to open connections, without closing them."""
        self.silence()
        for client in self._sockets[::2]:
            client.sendall(SHUTDOWN)

    def close(self) -> None:
        """Close the proxy and its connections."""
        for item in (self._listener, *self._sockets):
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = connect(self._target)
            self._sockets += (client, server)
            self._start(forward, client, server, self._silent)
            self._start(forward, server, client, self._silent)

    def _start(self, function: object, *args: object) -> None:
        thread = threading.Thread(target=function, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def forward(source: socket.socket, target: socket.socket, silent: threading.Event) -> None:
    """Forward bytes until either end closes; discard them once `silent` is set."""
    with suppress(OSError):
        while data := source.recv(65536):
            if not silent.is_set():
                target.sendall(data)
    if not silent.is_set():
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def connect(url: URL) -> socket.socket:
    """Connect to a database at a host and port or at a Unix socket."""
    host = str(url.host or url.query.get("host") or "localhost")
    port = int(url.port or str(url.query.get("port") or 5432))
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(f"{host}/.s.PGSQL.{port}")
    return connection


@contextmanager
def run_proxy(target: URL) -> Iterator[Proxy]:
    """Run a proxy for the duration of the block."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
