"""Problem responses, ETags and other headers in the OpenAPI document."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from fastapi.dependencies import utils
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security.base import SecurityBase
from starlette.routing import BaseRoute

from app.core.errors import PreconditionFailedError, UnauthorizedError
from app.core.http.etags import ETagSupport, get_methods
from app.core.http.router import DeferredRoute
from app.core.problems import Problem, build_openapi_response, problem_responses
from app.core.security.schemes import ALLOWS_ANONYMOUS

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
    """Document an operation's support for ETags."""
    responses = operation["responses"]
    if support.sends_etag:
        responses[success].setdefault("headers", {})["ETag"] = ETAG
    if support.has_if_none_match(method):
        add_parameter(operation, IF_NONE_MATCH)
        responses["304"] = {"description": "Not Modified", "headers": {"ETag": ETAG}}
    if support.has_if_match(method):
        add_parameter(operation, IF_MATCH)
        for status, response in problem_responses(PreconditionFailedError).items():
            responses.setdefault(str(status), response)


def add_parameter(operation: dict[str, Any], parameter: dict[str, Any]) -> None:
    """Document a header, unless the endpoint declares it itself."""
    parameters = operation.setdefault("parameters", [])
    names = {existing["name"].lower() for existing in parameters if existing["in"] == "header"}
    if parameter["name"].lower() not in names:
        parameters.append(parameter)


def add_anonymous_access(document: dict[str, Any], routes: Sequence[BaseRoute]) -> None:
    """Document that credentials are optional where no dependency requires them."""
    for context in iter_route_contexts(routes):
        route = context.original_route
        if not isinstance(route, APIRoute) or not context.include_in_schema:
            continue
        if has_required_credentials(context.dependant):
            continue
        path = document["paths"][context.path_format]
        for method in get_methods(route):
            if security := path[method.lower()].get("security"):
                security.append({})


def has_required_credentials(dependant: Dependant) -> bool:
    """Return True if a dependency uses a security scheme and is not marked as optional."""
    if getattr(dependant.call, ALLOWS_ANONYMOUS, False):
        return False
    is_scheme = isinstance(dependant.call, SecurityBase)
    return is_scheme or any(map(has_required_credentials, dependant.dependencies))


def add_root_path(document: dict[str, Any], root_path: str) -> dict[str, Any]:
    """Return the document for a root path: with a server, as in FastAPI, and its login URLs.

    OpenAPI resolves a relative URL against the server, whose path would lose its last segment.
    """
    servers = document.get("servers", [])
    if all(server["url"] != root_path for server in servers):
        servers = [{"url": root_path}, *servers]
    components = document["components"]
    schemes = {
        name: add_root_path_to_urls(scheme, root_path)
        for name, scheme in components.get("securitySchemes", {}).items()
    }
    return {
        **document,
        "servers": servers,
        "components": {**components, "securitySchemes": schemes},
    }


def add_root_path_to_urls(scheme: dict[str, Any], root_path: str) -> dict[str, Any]:
    """Return a security scheme with the root path before its relative URLs."""
    if "flows" not in scheme:
        return scheme
    flows = {
        name: {
            key: f"{root_path}/{value}" if is_relative_url(key, value) else value
            for key, value in flow.items()
        }
        for name, flow in scheme["flows"].items()
    }
    return {**scheme, "flows": flows}


def is_relative_url(key: str, value: Any) -> bool:
    """Return True if a member of a flow is a URL without scheme, host and leading slash."""
    return key.endswith("Url") and not value.startswith("/") and "://" not in value


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
    schema = Problem.model_json_schema(
        ref_template="#/components/schemas/{model}", mode="serialization"
    )
    return {**schema.pop("$defs"), "Problem": schema}
