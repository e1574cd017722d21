"""The middleware for correlation IDs, security headers and request logs.

It is a single ASGI middleware, because each additional middleware slows down every request.
"""

import os
import re
from collections.abc import Iterable, Sequence
from math import inf
from time import monotonic

import structlog
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.concurrency import (
    CONNECTION_EXTENSION,
    Client,
    LoopLocal,
    current_client,
    is_client_gone,
    watch_connection,
)
from app.core.config import CoreSettings
from app.core.errors import AppError, UnavailableError
from app.core.http.fairness import BUSY, BodyReceiver, Transfers, Turns
from app.core.http.rate_limit import get_client_network
from app.core.http.responses import Header, ResponseSender
from app.core.logging import correlation_id
from app.core.problems import build_error_for_status, build_problem_response

logger = structlog.get_logger()

# For authentication routes, which anyone may call: parsing a form of 1 MiB takes a second.
MAX_CREDENTIALS_BYTES = 8 * 1024

CORRELATION_HEADER = b"x-correlation-id"
REQUEST_HEADER = b"x-request-id"
IDENTIFIER = re.compile(rb"[A-Za-z0-9._:+/=-]{1,128}")

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
        self._refusal = Refusal()

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
        watch_connection(connection.get("is_closed"))
        try:
            if scope["type"] == "websocket":
                app = await self._admit(scope, network)
                await app(scope, receive, send)
            else:
                headers = self._build_headers(scope, identifiers)
                if self._turns.get().is_full(network):
                    await self._refusal.get(scope, network, headers)(scope, receive, send)
                else:
                    await self._handle_request(scope, receive, send, network, headers)
        finally:
            watch_connection(None)
            current_client.reset(client_token)
            correlation_id.reset(token)

    async def _handle_request(
        self, scope: Scope, receive: Receive, send: Send, network: str, headers: list[Header]
    ) -> None:
        transfer = self._transfers.create(network)
        body = BodyReceiver(receive, transfer, self._body_turns.get(), network)
        sender = ResponseSender(scope, send, headers, transfer)
        try:
            app = await self._admit(scope, network)
            await app(scope, body.receive, sender.send)
        finally:
            transfer.end()
            self._log(scope, sender)

    async def _admit(self, scope: Scope, network: str) -> ASGIApp:
        """Wait for the network's turn; return the application, or the response of a rejection."""
        try:
            await self._turns.get().wait(network)
            if is_client_gone():
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

    def _log(self, scope: Scope, sender: ResponseSender) -> None:
        log = logger.info
        if get_path(scope) in self._quiet_paths:
            log = logger.debug
        elif sender.status is not None and sender.status >= 500:
            log = logger.error
        endpoint = scope.get("endpoint")
        log(
            "request",
            method=scope["method"],
            path=scope["path"],
            endpoint=getattr(endpoint, "__name__", None),
            status=sender.status,
            duration_ms=sender.get_duration_ms(),
        )


class Refusal:
    """The response to requests for which there is no room.

    It is built and logged once a second, because thousands of requests may come at once.
    """

    def __init__(self) -> None:
        self._built_at = -inf
        self._response = Response()

    def get(self, scope: Scope, network: str, headers: Iterable[Header]) -> Response:
        """Return the response, which has the path and the correlation ID of an earlier request."""
        now = monotonic()
        if now - self._built_at >= 1:
            self._built_at = now
            self._response = build_problem_response(scope, UnavailableError(BUSY, retry_after=1))
            self._response.raw_headers += headers
            logger.error("requests_refused", network=network)
        return self._response


async def send_nothing(_scope: Scope, receive: Receive, _send: Send) -> None:
    """Wait until the server has noticed that the client has closed the connection."""
    while not (await receive())["type"].endswith(".disconnect"):
        pass


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
