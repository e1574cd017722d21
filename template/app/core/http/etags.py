"""ETags of single rows (RFC 9110): hashes of the JSON that GET returns for the path."""

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from inspect import isclass
from typing import Any, NamedTuple, TypeVar, get_args

from fastapi import Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.utils import get_typed_return_annotation, get_typed_signature
from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import ValidationError
from sqlalchemy import inspect
from starlette.routing import BaseRoute

from app.core.database import Session
from app.core.errors import PreconditionFailedError
from app.core.schemas import ReadSchema
from app.core.sql.conditions import RowCondition, row_condition

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

READS = {"GET", "HEAD"}
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
        """Return the representation that a route returns, or None if it is not one row."""
        schema = route.response_model
        if isinstance(schema, DefaultPlaceholder):
            schema = get_typed_return_annotation(route.endpoint)
        is_row = isclass(schema) and issubclass(schema, ReadSchema)
        if not is_row or not isinstance(route.response_class, DefaultPlaceholder):
            return None
        names = SERIALIZATION
        return cls(schema, {name: getattr(route, f"response_model_{name}") for name in names})

    def compare(self, entity: Any, header: str) -> bool | None:
        """Return True if If-Match lists the row's ETag, otherwise False.

        Return None if the schema does not fit the row, which then belongs to another model. Related
        rows that were not loaded with the row cannot be compared, so the condition fails.
        """
        mapper = inspect(type(entity))
        related = [name for name in self.schema.model_fields if name not in mapper.columns]
        if not all(name in mapper.relationships for name in related):
            return None
        if header == "*":
            return True
        if not inspect(entity).unloaded.isdisjoint(related):
            return False
        try:
            record = self.schema.model_validate(entity)
        except ValidationError:
            return None
        body = record.model_dump_json(**self.options)
        return build_etag(body.encode()) in split_tags(header)


@dataclass(frozen=True, slots=True)
class ETagSupport:
    """A route's support for ETags.

    `compared` is the representation that If-Match is compared with; None if this is impossible.
    """

    sends_etag: bool
    ignores_if_match: bool
    compared: Representation | None

    def has_if_none_match(self, method: str) -> bool:
        """Return True if the route supports If-None-Match (304) with this method."""
        return self.sends_etag and method in READS

    def has_if_match(self, method: str) -> bool:
        """Return True if the route supports If-Match (412) with this method."""
        return self.compared is not None and method in WRITES

    def build_condition(self, request: Request) -> RowCondition | None:
        """Build the condition of a request; raise an error for one that the route cannot check."""
        if request.method not in WRITES or self.ignores_if_match:
            return None
        if get_header(request, b"if-none-match") is not None:
            raise PreconditionFailedError("This operation does not support If-None-Match.")
        header = get_header(request, b"if-match")
        if header is None:
            return None
        if self.compared is None:
            raise PreconditionFailedError("This operation does not support If-Match.")
        return RowCondition(partial(self.compared.compare, header=header))

    def complete(self, request: Request, response: Response) -> Response:
        """Add the ETag to a response with a row, or replace it with 304 for If-None-Match."""
        body = getattr(response, "body", b"")
        is_row = body and response.media_type == "application/json" and response.status_code < 300
        if not self.sends_etag or not is_row or "etag" in response.headers:
            return response
        etag = build_etag(body)
        response.headers["ETag"] = etag
        # Shared caches do not know that the response depends on X-API-Key or a cookie.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        header = get_header(request, b"if-none-match") or ""
        is_known = self.has_if_none_match(request.method) and is_weak_match(etag, header)
        return build_not_modified(response) if is_known else response


def ignore_if_match(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint that writes regardless of the row's version, so that it ignores If-Match."""
    setattr(endpoint, IGNORES_IF_MATCH, True)
    return endpoint


def find_support(route: APIRoute, routes: Sequence[BaseRoute]) -> ETagSupport | None:
    """Return a route's ETag support, given all routes of its router; None if it has none.

    The tag belongs to the GET route of the same path. A created row has the tag that it will have
    at its own path.
    """
    methods = get_methods(route)
    is_write = not WRITES.isdisjoint(methods)
    is_creation = methods == {"POST"} and route.status_code == 201
    path = normalize_path(route.path + "/{id}" if is_creation else route.path)
    representation = find_representation(path, routes)
    response = Representation.from_route(route)
    if representation is None and not is_write:
        return None
    ignores_if_match = getattr(route.endpoint, IGNORES_IF_MATCH, False)
    is_conditional = is_write and not ignores_if_match and has_session(route.endpoint)
    return ETagSupport(
        sends_etag=response is not None and response == representation,
        ignores_if_match=ignores_if_match,
        compared=representation if is_conditional else None,
    )


def find_representation(path: str, routes: Sequence[BaseRoute]) -> Representation | None:
    """Return the representation of the first GET route with a normalized path."""
    for route in routes:
        if not isinstance(route, APIRoute) or "GET" not in get_methods(route):
            continue
        if normalize_path(route.path) == path:
            return Representation.from_route(route)
    return None


def normalize_path(path: str) -> str:
    """Return a path without the names and converters of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def get_methods(route: APIRoute) -> set[str]:
    """Return the methods of a route."""
    return route.methods or set()


def has_session(call: Callable[..., Any]) -> bool:
    """Return True if a function or one of its dependencies takes a session for writes."""
    for parameter in get_typed_signature(call).parameters.values():
        parts = split_annotation(parameter.annotation)
        for part in (*parts, parameter.default):
            if isclass(part) and issubclass(part, Session):
                return True
            if isinstance(part, Depends) and has_session(part.dependency or parts[0]):
                return True
    return False


def split_annotation(annotation: Any) -> list[Any]:
    """Return the parts of an annotation: types, and the metadata of Annotated."""
    annotation = getattr(annotation, "__value__", annotation)  # That of a `type` statement.
    parts = [part for argument in get_args(annotation) for part in split_annotation(argument)]
    return parts or [annotation]


def support_etags(handler: Handler, support: ETagSupport) -> Handler:
    """Wrap a route's handler to send ETags and check conditional headers."""

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
    """Return a header, with repeated lines joined; `request.headers` would decode all headers."""
    values = [value for key, value in request.scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1").strip() if values else None


def split_tags(header: str) -> list[str]:
    """Return the tags of a header; the kernel's tags contain no comma."""
    return [tag.strip() for tag in header.split(",")]


def is_weak_match(etag: str, header: str) -> bool:
    """Return True if If-None-Match contains a tag, which may be marked as weak."""
    return header == "*" or etag in [tag.removeprefix("W/") for tag in split_tags(header)]


def build_not_modified(response: Response) -> Response:
    """Build the 304 response, with the headers and background tasks of the full response."""
    empty = Response(status_code=304, background=response.background)
    dropped = (b"content-length", b"content-type")
    empty.raw_headers = [item for item in response.raw_headers if item[0] not in dropped]
    return empty
