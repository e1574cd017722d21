"""The sending of responses: their headers, plain-text errors as problems, and large bodies."""

from collections.abc import Iterable
from time import perf_counter

from starlette.types import Message, Scope, Send

from app.core.concurrency import watch_connection
from app.core.errors import UnavailableError
from app.core.http.fairness import LARGE_BYTES, Transfer
from app.core.problems import build_error_for_status, build_problem_response

Header = tuple[bytes, bytes]

MAX_DETAIL_BYTES = 2000


class ResponseSender:
    """Sends a response with additional headers, and records its status and duration.

    It replaces a plain-text error with a problem. It sends a large body in parts, for which it
    takes a slot of the network; if there is none, it sends a problem instead.
    """

    __slots__ = (
        "_finished",
        "_headers",
        "_held_start",
        "_is_refused",
        "_rejection",
        "_scope",
        "_send",
        "_started_at",
        "_text",
        "_transfer",
        "status",
    )

    def __init__(self, scope: Scope, send: Send, headers: list[Header], transfer: Transfer) -> None:
        self.status: int | None = None
        self._scope = scope
        self._send = send
        self._headers = headers
        self._transfer = transfer
        self._started_at = perf_counter()
        self._finished: float | None = None
        self._held_start: Message | None = None
        self._is_refused = False
        self._rejection: Message | None = None
        self._text = b""

    async def send(self, message: Message) -> None:
        """Send an ASGI message with the headers; replace a plain-text error with a problem."""
        if message["type"] == "http.response.start":
            await self._send_start(message)
        elif not self._is_refused:
            await self._send_body(message)

    async def _send_start(self, message: Message) -> None:
        self.status = message["status"]
        watch_connection(None)
        headers = message.get("headers", ())
        if message["status"] >= 400 and is_plain_text(headers):
            self._rejection = message  # Sent with its body, which becomes the detail.
            return
        message["headers"] = self._add_headers(headers)
        if get_content_length(headers) > LARGE_BYTES:
            self._held_start = message  # Sent with the body, for which there may be no slot.
            return
        self._transfer.end()  # The request's body has been read, and a stream needs no slot.
        await self._send(message)

    async def _send_body(self, message: Message) -> None:
        body = message.get("body", b"")
        if self._held_start is not None and not await self._reserve(body):
            return
        if self._rejection is None:
            await self._send_parts(message, body)
        if not message.get("more_body"):
            self._finished = perf_counter()
            self._transfer.end()
        if self._rejection is not None:
            self._text = (self._text + body)[:MAX_DETAIL_BYTES]
            if self._finished is not None:
                await self._send_problem(self._rejection, self._text)

    def get_duration_ms(self) -> float:
        """Return the time from the request's start to the response's last byte, in milliseconds."""
        return round(((self._finished or perf_counter()) - self._started_at) * 1000, 2)

    def _add_headers(self, headers: Iterable[Header]) -> list[Header]:
        present = {name for name, _ in headers}
        return [*headers, *(header for header in self._headers if header[0] not in present)]

    async def _reserve(self, body: bytes) -> bool:
        """Take a slot for a large body and send the start; if there is none, send a problem."""
        start, self._held_start = self._held_start, None
        try:
            if len(body) > LARGE_BYTES:
                await self._transfer.begin()
        except UnavailableError as error:
            self._is_refused = True
            self.status = error.status
            problem = build_problem_response(self._scope, error)
            headers = self._add_headers(problem.raw_headers)
            start = {"type": "http.response.start", "status": error.status, "headers": headers}
            await self._send(start)
            await self._send({"type": "http.response.body", "body": problem.body})
            return False
        if start is not None:
            await self._send(start)
        return True

    async def _send_parts(self, message: Message, body: bytes) -> None:
        """Send a large body in parts, so that the request lasts until the client has read it."""
        if len(body) <= LARGE_BYTES:
            await self._send(message)
            return
        last = len(body) - LARGE_BYTES
        for start in range(0, len(body), LARGE_BYTES):
            part = body[start : start + LARGE_BYTES]
            more_body = start < last or message.get("more_body", False)
            await self._send({**message, "body": part, "more_body": more_body})

    async def _send_problem(self, start: Message, text: bytes) -> None:
        error = build_error_for_status(start["status"], text.decode(errors="replace"))
        problem = build_problem_response(self._scope, error)
        replaced = {name for name, _ in problem.raw_headers}
        kept = [header for header in start["headers"] if header[0] not in replaced]
        start["headers"] = self._add_headers([*kept, *problem.raw_headers])
        await self._send(start)
        await self._send({"type": "http.response.body", "body": problem.body})


def get_content_length(headers: Iterable[Header]) -> int:
    """Return the length of a response's body, or 0 if it is unknown."""
    length = next((value for name, value in headers if name == b"content-length"), b"")
    return int(length) if length.isdigit() else 0


def is_plain_text(headers: Iterable[Header]) -> bool:
    """Return True if a response is uncompressed text, as those of Starlette's middlewares are."""
    values = dict(headers)
    is_encoded = b"content-encoding" in values
    return not is_encoded and values.get(b"content-type", b"").startswith(b"text/plain")
