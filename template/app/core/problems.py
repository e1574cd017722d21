"""Error responses as `application/problem+json` (RFC 9457), and their OpenAPI documentation.

`PROBLEM_HANDLERS` maps each exception class to its handler.
"""

import re
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from http import HTTPMethod, HTTPStatus
from http.client import responses
from typing import Any, cast
from urllib.parse import quote

import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.status import WS_1008_POLICY_VIOLATION, WS_1011_INTERNAL_ERROR
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketState

from app.core.clock import utc_now
from app.core.errors import AppError, FieldError, ValidationFailedError
from app.core.logging import correlation_id, log_unhandled_error
from app.core.sql.errors import (
    DATABASE_ERRORS,
    get_constraint_name,
    get_driver_message,
    get_sqlstate,
    to_app_error,
)

logger = structlog.get_logger()

ExceptionHandler = Callable[[Request, Any], Coroutine[Any, Any, Response]]
ConnectionHandler = Callable[[Any, Any], Coroutine[Any, Any, Response | None]]

MEDIA_TYPE = "application/problem+json"
EXAMPLE_TIMESTAMP = datetime(2026, 1, 1, 12, tzinfo=UTC)
MAX_LISTED_ERRORS = 50
MAX_NAME_LENGTH = 200
# Python 3.11 and 3.13 use different phrases for these two.
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
DETAILS = {
    400: "The request could not be parsed.",
    404: "Not found.",
    405: "Method not allowed.",
    413: "The request body is too large.",
}


class ProblemError(BaseModel):
    """An error in one value of the request."""

    model_config = ConfigDict(from_attributes=True)

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """An error (RFC 9457). Branch on `code`; include `correlation_id` in bug reports."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[ProblemError] = []
    correlation_id: str | None
    timestamp: datetime


def problem_responses(*errors: type[AppError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` argument of a route that can fail with these errors."""
    openapi_responses: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        response = openapi_responses.setdefault(error.status, build_openapi_response(error.title))
        examples = response["content"][MEDIA_TYPE].setdefault("examples", {})
        examples[error.code] = {"summary": error.code, "value": build_example(error)}
    return openapi_responses


def build_openapi_response(description: str) -> dict[str, Any]:
    """Build the OpenAPI response of a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def build_example(error: type[AppError]) -> dict[str, Any]:
    """Build the example body of an error."""
    problem = Problem(
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance="/api/v1/users/me",
        code=error.code,
        correlation_id="0b5e3a7c9d2f4e1886a1c4d7f0e2b395",
        timestamp=EXAMPLE_TIMESTAMP,
    )
    return problem.model_dump(mode="json")


def build_problem_response(
    scope: Scope, error: AppError, headers: Mapping[str, str] | None = None
) -> Response:
    """Build the problem response of an error."""
    problem = Problem(
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance=quote(scope["path"]),
        code=error.code,
        errors=[ProblemError.model_validate(field) for field in error.errors],
        correlation_id=correlation_id.get(),
        timestamp=utc_now(),
    )
    response = Response(problem.model_dump_json(), error.status, headers, MEDIA_TYPE)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers.setdefault("WWW-Authenticate", "Bearer")
    return response


def build_error_for_status(status: int, detail: str = "") -> AppError:
    """Build an error from an HTTP status, such as that of Starlette's HTTPException."""
    phrase = responses.get(status, "Error")
    title = TITLES.get(status, phrase)
    if detail in ("", phrase, title):
        detail = DETAILS.get(status, f"{title}.")
    error = AppError(detail)
    error.status, error.title = status, title
    error.code = re.sub(r"\W+", "_", title.lower())
    return error


async def handle_app_error(request: Request, error: AppError) -> Response:
    """Respond with the error."""
    return build_problem_response(request.scope, error)


async def handle_http_exception(request: Request, error: HTTPException) -> Response:
    """Respond to an error of FastAPI or Starlette, such as an unknown path or method."""
    headers = dict(error.headers or {})
    if error.status_code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return Response(status_code=error.status_code, headers=headers)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(get_allowed_methods(request)))
    detail = error.detail if isinstance(error.detail, str) else ""
    app_error = build_error_for_status(error.status_code, detail)
    return build_problem_response(request.scope, app_error, headers)


async def handle_validation_error(request: Request, error: RequestValidationError) -> Response:
    """Respond with the location and reason of each invalid value, but not the value itself."""
    items = error.errors()
    others = len(items) - MAX_LISTED_ERRORS
    fields = [build_field_error(item) for item in items[: MAX_LISTED_ERRORS + 1]]
    if others > 1:
        message = f"{others} more values are invalid."
        fields[-1] = FieldError(fields[-1].loc[:1], message, "more_errors")
    return build_problem_response(request.scope, ValidationFailedError(errors=fields))


def build_field_error(item: Mapping[str, Any]) -> FieldError:
    """Build the error of one value; cut long names, which the client may have chosen."""
    location = (part[:MAX_NAME_LENGTH] if isinstance(part, str) else part for part in item["loc"])
    return FieldError(tuple(location), item["msg"].removeprefix("Value error, "), item["type"])


async def handle_database_error(request: Request, error: Exception) -> Response:
    """Respond to a database error that the client can fix or retry; re-raise any other."""
    translated = to_app_error(error)
    if translated is None:
        raise error
    context = {"sqlstate": get_sqlstate(error), "constraint": get_constraint_name(error)}
    if translated.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("database_unavailable", **context, reason=get_driver_message(error))
    else:
        logger.info("database_rejected_input", **context)
    return build_problem_response(request.scope, translated)


async def handle_unhandled_error(request: Request, error: Exception) -> Response:
    """Log an unexpected error; the response reveals only the correlation ID."""
    log_unhandled_error(error)
    # Uvicorn closes the connection, because Starlette raises the error again after the response.
    is_http_1 = request.scope.get("http_version", "").startswith("1")
    headers = {"Connection": "close"} if is_http_1 else None
    return build_problem_response(request.scope, AppError(), headers)


def get_allowed_methods(request: Request) -> set[str]:
    """Return the methods of all routes at this path; Starlette reports only the first route's."""

    def matches(route: BaseRoute, method: str) -> Match:
        return route.matches({**request.scope, "method": method})[0]

    # A route that also matches without a method, such as a mount, allows no methods itself.
    routes = [route for route in request.app.routes if matches(route, "") is Match.PARTIAL]
    return {
        method
        for method in HTTPMethod
        if any(matches(route, method) is Match.FULL for route in routes)
    }


def support_websockets(handler: ExceptionHandler) -> ConnectionHandler:
    """Extend a handler to WebSockets: close an accepted one, otherwise deny the handshake.

    Clients see the code 1011 for a server error, and 1008 (policy violation) for others.
    """

    async def handle(connection: Request | WebSocket, error: Exception) -> Response | None:
        response = await handler(cast(Request, connection), error)
        if isinstance(connection, Request):
            return response
        if connection.application_state is WebSocketState.CONNECTED:
            is_server_error = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
            code = WS_1011_INTERNAL_ERROR if is_server_error else WS_1008_POLICY_VIOLATION
            await connection.close(code, HTTPStatus(response.status_code).phrase)
            return None
        return response

    return handle


PROBLEM_HANDLERS: dict[int | type[Exception], ConnectionHandler] = {
    AppError: support_websockets(handle_app_error),
    HTTPException: support_websockets(handle_http_exception),
    RequestValidationError: handle_validation_error,
    **dict.fromkeys(DATABASE_ERRORS, support_websockets(handle_database_error)),
    Exception: handle_unhandled_error,
}
