"""Rejection of repeated query parameters, of which all but the last would be ignored."""

from collections import Counter
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from starlette.requests import HTTPConnection

from app.core.errors import FieldError, ValidationFailedError

COLLECTIONS = (list, set, frozenset, tuple)


async def reject_repeated_parameters(connection: HTTPConnection) -> None:
    """Reject a repeated query parameter that the route does not declare as a list."""
    if b"&" not in connection.scope["query_string"]:
        return
    counts = Counter(name for name, _ in connection.query_params.multi_items())
    repeated = {name for name, count in counts.items() if count > 1}
    route = connection.scope.get("route")
    if not repeated or not isinstance(route, APIRoute):
        return
    message = "Send this parameter only once."
    errors = [
        FieldError(("query", name), message, "repeated")
        for name, annotation in iterate_parameters(route.dependant)
        if name in repeated and not is_collection(annotation)
    ]
    if errors:
        raise ValidationFailedError(errors=errors)


def iterate_parameters(dependant: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and the annotation of each query parameter of a route."""
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for name, field in annotation.model_fields.items():
                yield get_alias(name, field), field.annotation
        else:
            yield parameter.alias, annotation
    for dependency in dependant.dependencies:
        yield from iterate_parameters(dependency)


def get_alias(name: str, field: FieldInfo) -> str:
    """Return the name of a field in requests."""
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def is_collection(annotation: Any) -> bool:
    """Return True if a type is a list of values, or a union with one."""
    if get_origin(annotation) in (Union, UnionType):
        return any(is_collection(member) for member in get_args(annotation))
    return (get_origin(annotation) or annotation) in COLLECTIONS
