"""The HTTP protocol of `manage run`: Uvicorn's httptools protocol with size and time limits.

For another command, pass `--http app.core.http.server:HttpProtocol` to Uvicorn.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.core.concurrency import CONNECTION_EXTENSION
from app.core.problems import build_error_for_status, build_problem_response

MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_PIPELINED_REQUESTS = 10
MAX_CHUNKS_PER_READ = 1000
MIN_BYTES_PER_CHUNK = 32
HEADER_SECONDS = 10
STALL_SECONDS = 60


class HttpProtocol(HttpToolsProtocol):
    """Closes a connection whose headers are too large or too slow, or whose client stalls.

    Uvicorn has no such limits, so clients could exhaust memory and hold connections forever.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._expects_headers = True
        self._header_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._chunks = 0
        self._read_bytes = 0
        self._progress = 0
        self._last_state = (0, 0)
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Limit the time until the first request's headers are complete."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEADER_SECONDS, transport.close)
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self._abort_if_stalled)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        self._stop_timer()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data; count it if it belongs to headers that are still incomplete."""
        self._progress += 1
        self._chunks = 0
        self._read_bytes = len(data)
        self._header_bytes += len(data)
        super().data_received(data)
        if not self._expects_headers:
            self._header_bytes = 0
        if self.transport.is_closing():
            return
        if self._header_bytes > MAX_HEADER_BYTES:
            self.send_400_response("The request headers are too large.")
        elif self._is_waiting():
            if self._timer is None:
                self._timer = self.loop.call_later(HEADER_SECONDS, self.transport.close)
        else:
            self._stop_timer()

    def on_message_begin(self) -> None:
        """Tell the application how to find out that the client has left."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION_EXTENSION: {"is_closed": self.transport.is_closing}}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; raise ValueError if there are too many, because each takes time."""
        if len(self.headers) >= MAX_HEADERS:
            raise ValueError("There are too many request headers")  # Uvicorn responds with 400.
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Queue the request; raise ValueError if its headers or the queue are too large."""
        self._expects_headers = False
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            raise ValueError("Too many requests are pipelined")
        if self._header_bytes > MAX_HEADER_BYTES:  # The count may include the start of the body.
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > MAX_HEADER_BYTES:
                raise ValueError("The request headers are too large")  # Uvicorn responds with 400.
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Raise ValueError if a body's chunks are so small that parsing them takes long."""
        self._chunks += 1
        is_tiny = self._chunks * MIN_BYTES_PER_CHUNK > self._read_bytes
        if is_tiny and self._chunks > MAX_CHUNKS_PER_READ:
            raise ValueError("The chunks are too small")

    def resume_writing(self) -> None:
        """Continue to write, because the client has read."""
        self._progress += 1
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Respond with a problem, as the application does, and close the connection."""
        response = build_problem_response({"path": ""}, build_error_for_status(400, msg))
        headers = [
            *self.server_state.default_headers,
            *response.raw_headers,
            (b"connection", b"close"),
        ]
        lines = [b"HTTP/1.1 400 Bad Request", *(b": ".join(header) for header in headers), b"", b""]
        self.transport.write(b"\r\n".join(lines) + bytes(response.body))
        self.transport.close()

    def on_message_complete(self) -> None:
        """Expect the headers of the next request."""
        super().on_message_complete()
        self._expects_headers = True
        self._header_bytes = 0

    def _abort_if_stalled(self) -> None:
        """Abort the connection if the client neither sends a body nor reads a response."""
        if self.transport.get_protocol() is not self:  # A WebSocket has limits of its own.
            return
        unread = self.transport.get_write_buffer_size()
        state = (self._progress, unread)
        is_receiving = not self._expects_headers and not self.flow.read_paused
        if (is_receiving or unread) and state == self._last_state:
            self.transport.abort()
            return
        self._last_state = state
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self._abort_if_stalled)

    def _is_waiting(self) -> bool:
        """Return True if the connection has no request that the application is handling."""
        is_upgraded = self.transport.get_protocol() is not self
        return not is_upgraded and (self.cycle is None or self.cycle.response_complete)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
