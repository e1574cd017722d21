"""Problem responses, ETags and other headers in the OpenAPI document."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from fastapi.dependencies import utils
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from app.core.errors import PreconditionFailedError, UnauthorizedError
from app.core.http.etags import ETagSupport, get_methods
from app.core.http.router import DeferredRoute
from app.core.problems import Problem, build_openapi_response, problem_responses

RETRY_AFTER = {
    "description": "Seconds until the next attempt can succeed.",
    "schema": {"type": "integer", "minimum": 1},
}
LOCATION = {
    "description": "The path of the created resource.",
    "schema": {"type": "string", "format": "uri-reference"},
}
ETAG = {
    "description": "The version of the representation, for If-Match and If-None-Match.",
    "schema": {"type": "string"},
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag that was read, or `*`; if the row has changed, the response is 412.",
    "schema": {"type": "string"},
}
IF_NONE_MATCH = {
    **IF_MATCH,
    "name": "If-None-Match",
    "description": "ETags that the client has, or `*`; if the row has one, the response is 304.",
}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
FIELDS_CACHE = "get_cached_model_fields"


def keep_query_models() -> None:
    """Make FastAPI remember the fields of all query models, not only of the last 128.

    With more, `/openapi.json` would fail, because it looks fields up by identity, and each request
    would read its model's fields again.
    """
    cached: Any = getattr(utils, FIELDS_CACHE, None)
    if hasattr(cached, "cache_info") and cached.cache_info().maxsize is not None:
        setattr(utils, FIELDS_CACHE, cache(cached.__wrapped__))


def add_etags(document: dict[str, Any], routes: Sequence[BaseRoute]) -> None:
    """Document the headers and responses of the routes that support ETags."""
    for context in iter_route_contexts(routes):
        route = context.original_route
        if not isinstance(route, DeferredRoute) or not context.include_in_schema:
            continue
        support = route.find_etag_support()
        if support is None:
            continue
        path = document["paths"][context.path_format]
        for method in get_methods(route):
            add_etag_support(path[method.lower()], method, support, str(route.status_code or 200))


def add_etag_support(
    operation: dict[str, Any], method: str, support: ETagSupport, success: str
) -> None:
    """Document the support of ETags by one operation."""
    responses = operation["responses"]
    if support.sends_etag:
        responses[success].setdefault("headers", {})["ETag"] = ETAG
    if support.honours_if_none_match(method):
        add_parameter(operation, IF_NONE_MATCH)
        responses["304"] = {"description": "Not Modified", "headers": {"ETag": ETAG}}
    if support.honours_if_match(method):
        add_parameter(operation, IF_MATCH)
        for status, response in problem_responses(PreconditionFailedError).items():
            responses.setdefault(str(status), response)


def add_parameter(operation: dict[str, Any], parameter: dict[str, Any]) -> None:
    """Document a header, unless the endpoint declares it itself."""
    parameters = operation.setdefault("parameters", [])
    names = {existing["name"].lower() for existing in parameters if existing["in"] == "header"}
    if parameter["name"].lower() not in names:
        parameters.append(parameter)


def add_problem_responses(document: dict[str, Any]) -> None:
    """Replace FastAPI's validation error schema and add the errors that any route can return."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    paths = document["paths"]
    for name, path in paths.items():
        has_members = any(other.startswith(f"{name}/{{") for other in paths)
        for method in METHODS:
            if method in path:
                add_error_responses(path[method])
                add_headers(path[method]["responses"], has_members=has_members)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(build_problem_schemas())


def add_error_responses(operation: dict[str, Any]) -> None:
    """Add the error responses of one operation."""
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):
        responses["422"] = build_openapi_response("Unprocessable Content")
    if operation.get("security"):
        for status, response in problem_responses(UnauthorizedError).items():
            responses.setdefault(str(status), response)
    else:
        operation["security"] = []
    responses.setdefault("default", build_openapi_response("Any other error"))


def add_headers(responses: dict[str, Any], *, has_members: bool) -> None:
    """Document the headers of responses: Retry-After, and the Location of a created resource."""
    for status in ("429", "503"):
        if status in responses:
            responses[status].setdefault("headers", {})["Retry-After"] = RETRY_AFTER
    if has_members and "201" in responses:
        responses["201"].setdefault("headers", {})["Location"] = LOCATION


def build_problem_schemas() -> dict[str, Any]:
    """Build the schema of a problem and the schemas that it references."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}
