"""FastAPI's security schemes, for HTTP requests and WebSockets."""

from typing import cast

from fastapi.security import APIKeyHeader, OAuth2PasswordBearer
from starlette.requests import HTTPConnection, Request


class BearerScheme(OAuth2PasswordBearer):
    """`OAuth2PasswordBearer` that also reads the header of a WebSocket's handshake."""

    def __init__(self, token_url: str) -> None:
        super().__init__(token_url, scheme_name="OAuth2PasswordBearer", auto_error=False)

    async def __call__(self, request: HTTPConnection) -> str | None:
        """Return the bearer token, or None."""
        return await super().__call__(cast(Request, request))  # It reads only headers.


class ApiKeyScheme(APIKeyHeader):
    """`APIKeyHeader` that also reads the header of a WebSocket's handshake."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, scheme_name="APIKeyHeader", auto_error=False)

    async def __call__(self, request: HTTPConnection) -> str | None:
        """Return the API key, or None."""
        return await super().__call__(cast(Request, request))  # It reads only headers.
