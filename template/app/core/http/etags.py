"""ETags of single rows (RFC 9110): hashes of the JSON with which a path answers GET."""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from inspect import isclass
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin

from fastapi import Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.utils import get_typed_return_annotation, get_typed_signature
from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.routing import BaseRoute

from app.core.database import Session
from app.core.schemas import ReadSchema
from app.core.sql.conditions import RowCondition, row_condition

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

WRITES = {"PUT", "PATCH", "DELETE"}
SERIALIZATION = (
    "include",
    "exclude",
    "by_alias",
    "exclude_unset",
    "exclude_defaults",
    "exclude_none",
)
IGNORES_IF_MATCH = "ignores_if_match"


class Representation(NamedTuple):
    """The JSON of a row: its read schema, and the options with which it is serialized."""

    schema: type[ReadSchema]
    options: dict[str, Any]

    @classmethod
    def from_route(cls, route: APIRoute) -> "Representation | None":
        """Return the representation with which a route answers; None if it is not one row."""
        schema = route.response_model
        if isinstance(schema, DefaultPlaceholder):
            schema = get_typed_return_annotation(route.endpoint)
        is_row = isclass(schema) and issubclass(schema, ReadSchema)
        if not is_row or not isinstance(route.response_class, DefaultPlaceholder):
            return None
        names = SERIALIZATION
        return cls(schema, {name: getattr(route, f"response_model_{name}") for name in names})

    def compare(self, entity: object, header: str) -> bool | None:
        """Return True if an entity has a tag of If-Match; None if it lacks fields of the schema."""
        if not all(hasattr(type(entity), name) for name in self.schema.model_fields):
            return None
        if header == "*":
            return True
        try:
            record = self.schema.model_validate(entity)
        except ValidationError:
            return None
        body = record.model_dump_json(**self.options)
        return build_etag(body.encode()) in split_tags(header)


@dataclass(frozen=True, slots=True)
class ETagSupport:
    """The use that a route makes of ETags."""

    representation: Representation
    sends: bool
    reads: bool
    writes: bool

    def build_condition(self, request: Request) -> RowCondition | None:
        """Build the condition of a request with If-Match."""
        header = get_header(request, b"if-match") if self.writes else None
        if header is None:
            return None
        return RowCondition(lambda entity: self.representation.compare(entity, header))

    def complete(self, request: Request, response: Response) -> Response:
        """Add the ETag to a response with a row, or replace it with 304 for If-None-Match."""
        body = getattr(response, "body", b"")
        is_row = body and response.media_type == "application/json" and response.status_code < 300
        if not self.sends or not is_row:
            return response
        etag = build_etag(body)
        response.raw_headers.append((b"etag", etag.encode()))
        header = get_header(request, b"if-none-match") if self.reads else None
        is_known = header is not None and matches_weakly(etag, header)
        return build_not_modified(response) if is_known else response


def ignore_if_match(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint that writes without `Repository.get`, so that it cannot check If-Match."""
    setattr(endpoint, IGNORES_IF_MATCH, True)
    return endpoint


def find_support(route: APIRoute, routes: Sequence[BaseRoute]) -> ETagSupport | None:
    """Return the use that a route makes of ETags, given all routes of its router.

    The tag is that of the row with which GET answers at the same path. A created row has the tag
    that it will have at its own path.
    """
    is_post = route.methods == {"POST"} and route.status_code == 201
    pattern = re.escape(route.path) + (r"/\{[^/]+\}" if is_post else "")
    representation = find_representation(pattern, routes)
    if representation is None:
        return None
    return ETagSupport(
        representation,
        sends=representation == Representation.from_route(route),
        reads="GET" in get_methods(route),
        writes=is_conditional_write(route),
    )


def find_representation(pattern: str, routes: Sequence[BaseRoute]) -> Representation | None:
    """Return the representation of the first GET route whose path matches a pattern."""
    for route in routes:
        if not isinstance(route, APIRoute) or "GET" not in get_methods(route):
            continue
        if re.fullmatch(pattern, route.path):
            return Representation.from_route(route)
    return None


def get_methods(route: APIRoute) -> set[str]:
    """Return the methods of a route."""
    return route.methods or set()


def is_conditional_write(route: APIRoute) -> bool:
    """Return True if a route changes rows in the request's transaction, and checks If-Match."""
    ignores = getattr(route.endpoint, IGNORES_IF_MATCH, False)
    return WRITES.issuperset(get_methods(route)) and not ignores and uses_session(route.endpoint)


def uses_session(call: Callable[..., Any]) -> bool:
    """Return True if a function or one of its dependencies takes a session for writes."""
    for parameter in get_typed_signature(call).parameters.values():
        annotation, *metadata = [parameter.annotation]
        if get_origin(annotation) is Annotated:
            annotation, *metadata = get_args(annotation)
        if isclass(annotation) and issubclass(annotation, Session):
            return True
        for item in (*metadata, parameter.default):
            if isinstance(item, Depends) and uses_session(item.dependency or annotation):
                return True
    return False


def support_etags(handler: Handler, support: ETagSupport) -> Handler:
    """Return a route's handler that sends ETags and checks the headers with conditions."""

    async def handle(request: Request) -> Response:
        condition = support.build_condition(request)
        if condition is None:
            return support.complete(request, await handler(request))
        token = row_condition.set(condition)
        try:
            response = await handler(request)
            condition.require()  # An error here rolls the transaction back.
        finally:
            row_condition.reset(token)
        return support.complete(request, response)

    return handle


def build_etag(body: bytes) -> str:
    """Return the strong ETag of a response body."""
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def get_header(request: Request, name: bytes) -> str | None:
    """Return a header, whose lines are joined; `request.headers` would decode all headers."""
    values = [value for key, value in request.scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1").strip() if values else None


def split_tags(header: str) -> list[str]:
    """Return the tags of a header; the kernel's tags contain no comma."""
    return [tag.strip() for tag in header.split(",")]


def matches_weakly(etag: str, header: str) -> bool:
    """Return True if If-None-Match contains a tag, which may be marked as weak."""
    return header == "*" or etag in [tag.removeprefix("W/") for tag in split_tags(header)]


def build_not_modified(response: Response) -> Response:
    """Build the response 304, with the headers and background tasks of the whole response."""
    empty = Response(status_code=304, background=response.background)
    dropped = (b"content-length", b"content-type")
    empty.raw_headers = [item for item in response.raw_headers if item[0] not in dropped]
    return empty
