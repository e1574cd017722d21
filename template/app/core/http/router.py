"""The base of the kernel's routers, whose cost barely grows with the number of resources."""

from collections.abc import Callable, Sequence
from os.path import commonprefix
from typing import Any

import fastapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match, get_name
from starlette.types import Scope

from app.core.http.etags import ETagSupport, Handler, find_support, support_etags


class Router(fastapi.APIRouter):
    """FastAPI's router, with the functions' names as operation IDs; takes the same options."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("generate_unique_id_function", get_operation_id)
        options.setdefault("route_class", DeferredRoute)
        super().__init__(**options)
        self._common_path = ""
        self._common_path_routes = 0

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, which finds the other routes of its path in the router."""
        super().add_api_route(path, endpoint, **options)
        route = self.routes[-1]
        if isinstance(route, DeferredRoute):
            route.set_router_routes(self.routes)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the routes in order, but none of them if the path lacks what all have in common.

        FastAPI tries the regular expression of each route of each router, which takes 2 µs for each
        route of other resources. The prefix of the inclusion is unknown here, and not needed.
        """
        if self.get_common_path() not in scope["path"]:
            return Match.NONE, {}
        return super().matches(scope)

    def get_common_path(self) -> str:
        """Return the text with which the paths of all routes start, such as `/orders`.

        It contains no path parameter. Routes without a path, such as included routers, share none.
        """
        if self._common_path_routes != len(self.routes):
            paths: list[str] = [getattr(route, "path", "") for route in self.routes]
            literals = [path.partition("{")[0] for path in paths]
            self._common_path = commonprefix(literals)  # noqa: RUF071  Not only whole segments.
            self._common_path_routes = len(self.routes)
        return self._common_path


class DeferredRoute(APIRoute):
    """A route that is built only if it is used without its router being included.

    FastAPI builds each route of an included router again, on the first request to the router. The
    route that the decorator builds would only cost time, because all requests use the other. So the
    first request, or the test of the OpenAPI document, reports an invalid declaration of a route.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["name"] = options.get("name") or get_name(endpoint)
        options["methods"] = {method.upper() for method in options.get("methods") or ["GET"]}
        self.form_limits = {}
        self.stream_item_type = None
        vars(self).update(options, path=path, endpoint=endpoint, _options=options, _is_built=False)
        self._router_routes: Sequence[BaseRoute] = ()

    def set_router_routes(self, routes: Sequence[BaseRoute]) -> None:
        """Set the routes of the router, to which others may still be added."""
        self._router_routes = routes

    def find_etag_support(self) -> ETagSupport | None:
        """Return the route's ETag support; None if it has none."""
        return find_support(self, self._router_routes)

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler, with support for ETags."""
        handler = super().get_route_handler()
        support = self.find_etag_support()
        return handler if support is None else support_etags(handler, support)

    def __getattr__(self, name: str) -> Any:
        """Build the route on the first use of an attribute that is not an option."""
        attributes = vars(self)
        if attributes.get("_is_built") is False:
            super().__init__(self.path, self.endpoint, **self._options)
            self._is_built = True
        if name not in attributes:
            raise AttributeError(f"{type(self).__name__} has no attribute {name}.")
        return attributes[name]


def get_operation_id(route: APIRoute) -> str:
    """Return the endpoint's name, which generated clients use as the method name."""
    return route.name
