"""FastAPI's security schemes, for HTTP requests and WebSockets."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from fastapi.security import APIKeyHeader, OAuth2PasswordBearer
from starlette.requests import HTTPConnection, Request

from app.core.errors import UnauthorizedError

MAX_TOKEN_LENGTH = 4096
ALLOWS_ANONYMOUS = "allows_anonymous"

Dependency = TypeVar("Dependency", bound=Callable[..., Any])


class BearerScheme(OAuth2PasswordBearer):
    """`OAuth2PasswordBearer` that also reads the header of a WebSocket's handshake."""

    def __init__(self, token_url: str) -> None:
        super().__init__(token_url, scheme_name="OAuth2PasswordBearer", auto_error=False)

    async def __call__(self, request: HTTPConnection) -> str | None:
        """Return the bearer token, or None; raise UnauthorizedError if it is too long."""
        return limit_length(await super().__call__(cast(Request, request)))  # Reads only headers.


class ApiKeyScheme(APIKeyHeader):
    """`APIKeyHeader` that also reads the header of a WebSocket's handshake."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, scheme_name="APIKeyHeader", auto_error=False)

    async def __call__(self, request: HTTPConnection) -> str | None:
        """Return the API key, or None; raise UnauthorizedError if it is too long."""
        return limit_length(await super().__call__(cast(Request, request)))  # Reads only headers.


def allow_anonymous(dependency: Dependency) -> Dependency:
    """Mark a dependency that reads credentials but requires none, for the OpenAPI document."""
    setattr(dependency, ALLOWS_ANONYMOUS, True)
    return dependency


def limit_length(token: str | None) -> str | None:
    """Return the token; raise UnauthorizedError if it is so long that decoding it takes long."""
    if token is not None and len(token) > MAX_TOKEN_LENGTH:
        raise UnauthorizedError
    return token
