"""The middleware for correlation IDs, security headers and request logs.

It is a single ASGI middleware, because each additional middleware slows down every request.
"""

import os
import re
from collections.abc import Iterable, Sequence
from time import perf_counter

import structlog
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.concurrency import (
    CONNECTION_EXTENSION,
    Client,
    LoopLocal,
    current_client,
    is_client_gone,
)
from app.core.config import CoreSettings
from app.core.errors import AppError, UnavailableError
from app.core.http.fairness import LARGE_BYTES, BodyReceiver, Transfer, Transfers, Turns
from app.core.http.rate_limit import get_client_network
from app.core.logging import correlation_id
from app.core.problems import build_error_for_status, build_problem_response

logger = structlog.get_logger()

Header = tuple[bytes, bytes]

# For authentication routes, which anyone may call: parsing a form of 1 MiB takes a second.
MAX_CREDENTIALS_BYTES = 8 * 1024

CORRELATION_HEADER = b"x-correlation-id"
REQUEST_HEADER = b"x-request-id"
IDENTIFIER = re.compile(rb"[A-Za-z0-9._:+/=-]{1,128}")

MAX_DETAIL_BYTES = 2000
MAX_QUERY_PARAMETERS = 1000

SECURITY_HEADERS: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
# Swagger UI and ReDoc load from a CDN and start with an inline script.
DOCS_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; connect-src 'self'; frame-ancestors 'none'; worker-src blob:; "
    b"script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    b"style-src 'unsafe-inline' https://cdn.jsdelivr.net https://fonts.googleapis.com; "
    b"font-src https://fonts.gstatic.com; "
    b"img-src data: https://fastapi.tiangolo.com https://cdn.redoc.ly",
)
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class RequestMiddleware:
    """Adds a correlation ID and security headers to each response and logs the request.

    Requests of the same network take turns, so that many requests of one do not delay the others.
    A request whose client leaves while it waits is not processed.

    Starlette's middlewares reject requests (host, origin, size) with a plain-text response, which
    becomes a problem response here. The responses of this middleware have no CORS headers.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: CoreSettings,
        *,
        docs_paths: Iterable[str | None] = (),
        quiet_paths: Iterable[str] = (),
    ) -> None:
        self.app = app
        self._strict_transport = not settings.is_local
        self._docs_paths = frozenset(docs_paths)
        self._quiet_paths = frozenset(quiet_paths)
        self._turns = LoopLocal(Turns)
        self._body_turns = LoopLocal(lambda: Turns(paced=True))
        self._transfers = Transfers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request with its correlation ID set, then log it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        identifiers = get_identifiers(scope["headers"])
        token = correlation_id.set(identifiers[CORRELATION_HEADER].decode())
        network = get_client_network(HTTPConnection(scope))
        client_token = current_client.set(Client(network))
        connection = scope.get("extensions", {}).get(CONNECTION_EXTENSION, {})
        gone_token = is_client_gone.set(connection.get("is_closed", bool))
        try:
            if scope["type"] == "websocket":
                app = await self._admit(scope, network)
                await app(scope, receive, send)
            else:
                headers = self._build_headers(scope, identifiers)
                await self._handle_request(scope, receive, send, network, headers)
        finally:
            is_client_gone.reset(gone_token)
            current_client.reset(client_token)
            correlation_id.reset(token)

    async def _handle_request(
        self, scope: Scope, receive: Receive, send: Send, network: str, headers: list[Header]
    ) -> None:
        transfer = self._transfers.create(network)
        body = BodyReceiver(receive, transfer, self._body_turns.get(), network)
        recorder = ResponseRecorder(scope, send, headers, transfer)
        try:
            app = await self._admit(scope, network)
            await app(scope, body.receive, recorder.send)
        finally:
            transfer.end()
            self._log(scope, recorder)

    async def _admit(self, scope: Scope, network: str) -> ASGIApp:
        """Wait for the network's turn; return the application, or the response of a rejection."""
        try:
            await self._turns.get().wait(network)
            if is_client_gone.get()():
                return send_nothing
            if scope.get("query_string", b"").count(b"&") >= MAX_QUERY_PARAMETERS:
                detail = f"The query has more than {MAX_QUERY_PARAMETERS} parameters."
                raise build_error_for_status(400, detail)
        except AppError as error:
            return build_problem_response(scope, error)
        return self.app

    def _build_headers(self, scope: Scope, identifiers: dict[bytes, bytes]) -> list[Header]:
        policy = DOCS_POLICY if get_path(scope) in self._docs_paths else POLICY
        headers = [*identifiers.items(), policy, *SECURITY_HEADERS]
        if self._strict_transport and scope["scheme"] == "https":
            headers.append(HSTS)
        return headers

    def _log(self, scope: Scope, recorder: "ResponseRecorder") -> None:
        log = logger.info
        if get_path(scope) in self._quiet_paths:
            log = logger.debug
        elif recorder.status is not None and recorder.status >= 500:
            log = logger.error
        endpoint = scope.get("endpoint")
        log(
            "request",
            method=scope["method"],
            path=scope["path"],
            endpoint=getattr(endpoint, "__name__", None),
            status=recorder.status,
            duration_ms=recorder.get_duration_ms(),
        )


async def send_nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Ignore a request whose client has closed the connection."""


class HostMiddleware(TrustedHostMiddleware):
    """`TrustedHostMiddleware` that exempts some paths, because probes use a container's IP."""

    def __init__(
        self, app: ASGIApp, *, allowed_hosts: Sequence[str], exempt_paths: Iterable[str]
    ) -> None:
        super().__init__(app, allowed_hosts)
        self._exempt_paths = frozenset(exempt_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the Host header unless the path is exempt."""
        is_exempt = scope["type"] == "http" and get_path(scope) in self._exempt_paths
        await (self.app if is_exempt else super().__call__)(scope, receive, send)


class ResponseRecorder:
    """Adds headers to a response and records its status and duration."""

    __slots__ = (
        "_finished",
        "_headers",
        "_is_refused",
        "_rejection",
        "_scope",
        "_send",
        "_start",
        "_started",
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
        self._started = perf_counter()
        self._finished: float | None = None
        self._start: Message | None = None
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
        is_client_gone.set(bool)
        headers = message.get("headers", ())
        if message["status"] >= 400 and is_plain_text(headers):
            self._rejection = message  # Sent with its body, which becomes the detail.
            return
        message["headers"] = self._add_headers(headers)
        if get_content_length(headers) > LARGE_BYTES:
            self._start = message  # Sent with the body, for which there may be no place.
            return
        self._transfer.end()  # The request's body has been read, and a stream needs no place.
        await self._send(message)

    async def _send_body(self, message: Message) -> None:
        body = message.get("body", b"")
        if self._start is not None and not await self._reserve(body):
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
        return round(((self._finished or perf_counter()) - self._started) * 1000, 2)

    def _add_headers(self, headers: Iterable[Header]) -> list[Header]:
        present = {name for name, _ in headers}
        return [*headers, *(header for header in self._headers if header[0] not in present)]

    async def _reserve(self, body: bytes) -> bool:
        """Take a place for a large body and send the start; if there is none, send a problem."""
        start, self._start = self._start, None
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


def get_path(scope: Scope) -> str:
    """Return the path without the prefix of a proxy."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def reject_large_body(connection: HTTPConnection) -> None:
    """Reject a request whose Content-Length exceeds the size limit, before authentication."""
    limit = connection.scope.get(MAX_BODY_SIZE_SCOPE_KEY)
    length = connection.headers.get("content-length", "")
    if limit is not None and length.isdecimal() and int(length) > limit:
        raise HTTPException(413)


def get_identifiers(headers: Iterable[Header]) -> dict[bytes, bytes]:
    """Return the correlation ID and the request ID, those of the client if they are safe.

    Proxies send either; without X-Correlation-ID, the request ID serves as the correlation ID.
    """
    sent = {
        name: value
        for name, value in headers
        if name in (CORRELATION_HEADER, REQUEST_HEADER) and IDENTIFIER.fullmatch(value)
    }
    identifier = sent.get(CORRELATION_HEADER) or sent.get(REQUEST_HEADER)
    if identifier is None:
        identifier = os.urandom(16).hex().encode()
    return {CORRELATION_HEADER: identifier, REQUEST_HEADER: identifier, **sent}


def get_content_length(headers: Iterable[Header]) -> int:
    """Return the length of a response's body, or 0 if it is unknown."""
    length = next((value for name, value in headers if name == b"content-length"), b"")
    return int(length) if length.isdigit() else 0


def is_plain_text(headers: Iterable[Header]) -> bool:
    """Return True if a response is uncompressed text, as those of Starlette's middlewares are."""
    values = dict(headers)
    is_encoded = b"content-encoding" in values
    return not is_encoded and values.get(b"content-type", b"").startswith(b"text/plain")
