"""Tests of the kernel's router: it matches like FastAPI's, and routes are built once, when used."""

import threading
from collections import Counter
from typing import Annotated, Any

import fastapi
import pytest
from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.core.problems import PROBLEM_HANDLERS
from app.core.routing import APIRouter
from app.core.schemas import Page, PageQuery, ReadSchema
from app.settings import Settings

from app import application
from app.application import create_app

RouterClass = type[fastapi.APIRouter]

ROUTER_CLASSES = [APIRouter, fastapi.APIRouter]


async def describe_route(request: Request) -> dict[str, Any]:
    """Return the matched route's original path, and the path parameters."""
    return {"route": request.scope["route"].path, **request.path_params}


async def answer_request(request: Request) -> Response:
    return JSONResponse(request.path_params)


async def answer_websocket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(websocket.path_params)
    await websocket.close()


async def answer_mount(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"mount {scope['path']}")(scope, receive, send)


async def reject_old_clients(request: Request) -> None:
    if request.headers.get("x-version") == "1":
        raise fastapi.HTTPException(426)


def build_app(router_class: RouterClass, **options: Any) -> FastAPI:
    """Build an application with routers whose paths overlap."""
    orders = router_class(prefix="/orders", tags=["orders"])
    orders.add_api_route("", describe_route, name="list_orders")
    orders.add_api_route("", describe_route, methods=["POST"], name="create_order")
    orders.add_api_route("/{key}", describe_route, name="get_order")
    archive = router_class(prefix="/orders-archive")
    archive.add_api_route("", describe_route, name="list_archive")
    archive.add_api_route("/", describe_route, name="list_archive_folder")
    comments = router_class(prefix="/users/{user}/comments")
    comments.add_api_route("/{key:int}", describe_route, name="get_comment")
    comments.add_api_websocket_route("/live", answer_websocket)
    # Neither `add_route` nor `mount` adds the router's prefix.
    files = router_class(prefix="/files")
    files.add_api_route("/{path:path}", describe_route, name="get_file")
    files.add_route("/legacy-files", answer_request)
    files.mount("/static", answer_mount)
    plain = router_class()
    plain.add_api_route("/orders/{key}", describe_route, methods=["DELETE"], name="delete")
    plain.add_api_route("/orders", describe_route, methods=["PUT"], name="replace_orders")
    plain.add_api_route("/status", describe_route, methods=["GET", "HEAD"], name="get_status")
    nested = router_class(prefix="/v2")
    nested.include_router(orders, dependencies=[Depends(reject_old_clients)])
    hosts = router_class(prefix="/hosts")
    hosts.host("files.example.org", answer_mount)

    options["exception_handlers"] = PROBLEM_HANDLERS
    app = FastAPI(**options)
    for router in (orders, archive, comments, files, plain, nested):
        app.include_router(router, prefix="/api/{region}")
    app.include_router(hosts)
    app.include_router(orders)
    return app


def make_client(app: FastAPI, **options: Any) -> TestClient:
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False, **options)


@pytest.mark.parametrize("router_class", ROUTER_CLASSES)
class TestMatching:
    @pytest.mark.parametrize(
        ("method", "path", "expected"),
        [
            ("GET", "/api/eu/orders", {"route": "/orders", "region": "eu"}),
            ("GET", "/api/eu/orders/1", {"route": "/orders/{key}", "region": "eu", "key": "1"}),
            (
                "DELETE",
                "/api/eu/orders/1",
                {"route": "/orders/{key}", "region": "eu", "key": "1"},
            ),
            ("GET", "/api/eu/orders-archive", {"route": "/orders-archive", "region": "eu"}),
            ("GET", "/api/eu/orders-archive/", {"route": "/orders-archive/", "region": "eu"}),
            (
                "GET",
                "/api/eu/users/7/comments/2",
                {
                    "route": "/users/{user}/comments/{key:int}",
                    "region": "eu",
                    "user": "7",
                    "key": 2,
                },
            ),
            (
                "GET",
                "/api/eu/users/orders/comments/2",
                {
                    "route": "/users/{user}/comments/{key:int}",
                    "region": "eu",
                    "user": "orders",
                    "key": 2,
                },
            ),
            (
                "GET",
                "/api/eu/files/a/orders",
                {"route": "/files/{path:path}", "region": "eu", "path": "a/orders"},
            ),
            (
                "GET",
                "/api/eu/legacy-files",
                {"region": "eu"},
            ),
            ("PUT", "/api/eu/orders", {"route": "/orders", "region": "eu"}),
            ("GET", "/api/eu/status", {"route": "/status", "region": "eu"}),
            (
                "GET",
                "/api/eu/v2/orders/1",
                {"route": "/orders/{key}", "region": "eu", "key": "1"},
            ),
            ("GET", "/api/orders/orders", {"route": "/orders", "region": "orders"}),
            ("GET", "/orders/1", {"route": "/orders/{key}", "key": "1"}),
            ("GET", "/orders/%61%2Fb", None),
        ],
    )
    def test_route_and_parameters(
        self, router_class: RouterClass, method: str, path: str, expected: dict[str, Any] | None
    ) -> None:
        response = make_client(build_app(router_class)).request(method, path)

        assert response.status_code == (200 if expected else 404)
        assert expected is None or response.json() == expected

    @pytest.mark.parametrize(
        ("method", "path", "status", "allow"),
        [
            ("PATCH", "/api/eu/orders", 405, "GET, POST, PUT"),
            ("POST", "/api/eu/orders/1", 405, "DELETE, GET"),
            ("DELETE", "/orders/1", 405, "GET"),
            ("HEAD", "/api/eu/status", 200, None),
            ("HEAD", "/api/eu/orders", 405, "GET, POST, PUT"),
            ("GET", "/api/eu/ordersarchive", 404, None),
            ("GET", "/api/eu/Orders", 404, None),
            ("GET", "/api/eu/users/7/comments/x", 404, None),
            ("GET", "/other", 404, None),
        ],
    )
    def test_partial_and_missing_matches(
        self, router_class: RouterClass, method: str, path: str, status: int, allow: str | None
    ) -> None:
        response = make_client(build_app(router_class)).request(method, path)

        assert (response.status_code, response.headers.get("Allow")) == (status, allow)

    @pytest.mark.parametrize(
        ("path", "target"),
        [
            ("/api/eu/orders/", None),
            ("/api/eu/status/", "/api/eu/status"),
            ("/orders/", None),
            ("/api/eu/users/7/comments/2/", "/api/eu/users/7/comments/2"),
        ],
    )
    def test_trailing_slash(self, router_class: RouterClass, path: str, target: str | None) -> None:
        redirecting = make_client(build_app(router_class)).get(path)
        strict = make_client(build_app(router_class, redirect_slashes=False)).get(path)

        location = redirecting.headers.get("Location")
        assert location == (
            f"http://testserver{target}" if target else f"http://testserver{path[:-1]}"
        )
        assert strict.status_code == 404

    def test_root_path(self, router_class: RouterClass) -> None:
        client = make_client(build_app(router_class), root_path="/proxy")

        assert client.get("/proxy/orders").json() == {"route": "/orders"}
        assert client.get("/orders").json() == {"route": "/orders"}
        assert client.get("/proxy/proxy/orders").status_code == 404

    def test_mounts_and_hosts(self, router_class: RouterClass) -> None:
        app = build_app(router_class)

        assert make_client(app).get("/api/eu/static/a").text == "mount /api/eu/static/a"
        client = make_client(app, base_url="http://files.example.org")
        assert client.get("/any").text == "mount /any"

    def test_websocket(self, router_class: RouterClass) -> None:
        client = make_client(build_app(router_class))

        with client.websocket_connect("/api/eu/users/7/comments/live") as websocket:
            assert websocket.receive_json() == {"region": "eu", "user": "7"}

    def test_dependencies_of_the_inclusion(self, router_class: RouterClass) -> None:
        client = make_client(build_app(router_class), headers={"x-version": "1"})

        assert client.get("/api/eu/v2/orders").status_code == 426
        assert client.get("/api/eu/orders").status_code == 200

    def test_routes_that_are_added_later(self, router_class: RouterClass) -> None:
        app = FastAPI()
        router = router_class()
        router.add_api_route("/orders-archive", describe_route)
        app.include_router(router)
        client = make_client(app)
        assert client.get("/orders").status_code == 404

        router.add_api_route("/orders", describe_route, name="list_orders")

        assert client.get("/orders").json() == {"route": "/orders"}

    def test_router_as_an_application(self, router_class: RouterClass) -> None:
        router = router_class()
        router.add_api_route("/orders/{key}", describe_route)
        app = FastAPI()
        app.mount("/mounted", router)

        response = make_client(app).get("/mounted/orders/1")

        assert response.json() == {"route": "/orders/{key}", "key": "1"}


class ThingRead(ReadSchema):
    id: int


async def list_things(query: Annotated[PageQuery, fastapi.Query()]) -> Page[ThingRead]:
    """List the things."""
    return Page(items=[], total=0, limit=query.limit, offset=0, next_cursor=None)


async def create_thing(data: ThingRead) -> ThingRead:
    """Create a thing."""
    return data


def build_things(name: str, builds: Counter[str], router_class: RouterClass) -> fastapi.APIRouter:
    """Build a router that counts how often FastAPI builds its routes."""

    def count(route: APIRoute) -> str:
        builds[f"{name} {route.name}"] += 1
        return route.name

    router = router_class(prefix=f"/{name}", generate_unique_id_function=count)
    router.get("", name=f"list_{name}")(list_things)
    router.post("", name=f"create_{name}", status_code=201, description="Create one")(create_thing)
    return router


def include_things(
    builds: Counter[str], monkeypatch: pytest.MonkeyPatch, router_class: RouterClass = APIRouter
) -> None:
    routers = [build_things(name, builds, router_class) for name in ("things", "others")]
    monkeypatch.setattr(application, "routers", routers)


class TestBuilding:
    def test_routes_are_built_once_and_only_when_used(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        builds: Counter[str] = Counter()
        include_things(builds, monkeypatch)

        client = make_client(create_app(settings))

        assert not builds
        for method, status in (("GET", 200), ("DELETE", 405), ("POST", 201), ("POST", 201)):
            response = client.request(method, "/api/v1/things", json={"id": 1})
            assert response.status_code == status
        assert builds == {"things list_things": 1, "things create_things": 1}
        client.get("/openapi.json")
        client.get("/openapi.json")
        assert len(builds) == 4
        assert set(builds.values()) == {1}

    def test_document_equals_that_of_fastapis_router(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        documents = []
        for router_class in ROUTER_CLASSES:
            include_things(Counter(), monkeypatch, router_class)
            documents.append(create_app(settings).openapi())

        assert documents[0] == documents[1]
        assert list(documents[0]["paths"])[:2] == ["/api/v1/things", "/api/v1/others"]

    def test_attributes_of_a_route_that_was_not_built(self) -> None:
        attributes = []
        for router_class in ROUTER_CLASSES:
            route = build_things("things", Counter(), router_class).routes[0]
            assert isinstance(route, APIRoute)
            assert route.dependant.query_params[0].name == "query"
            attributes.append(vars(route).keys())

        assert attributes[0] - {"_options", "_is_built", "_router_routes"} == attributes[1]

    def test_unknown_attribute(self) -> None:
        route = build_things("things", Counter(), APIRouter).routes[0]

        with pytest.raises(AttributeError, match="unknown"):
            _ = route.unknown  # type: ignore[attr-defined]


class TestDocument:
    def test_is_built_once_in_a_thread(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads: list[int] = []
        loop_threads: list[int] = []

        def build_in_thread(**options: Any) -> dict[str, Any]:
            threads.append(threading.get_ident())
            return get_openapi(**options)

        async def record_thread() -> None:
            loop_threads.append(threading.get_ident())

        monkeypatch.setattr("fastapi.applications.get_openapi", build_in_thread)
        app = create_app(settings)
        app.add_api_route("/thread", record_thread, include_in_schema=False)
        with make_client(app) as client:
            documents = [client.get("/openapi.json").json() for _ in range(2)]
            client.get("/thread")

        assert documents == [app.openapi()] * 2
        assert len(threads) == 1
        assert threads != loop_threads

    def test_root_path_is_a_server(self, settings: Settings) -> None:
        app = create_app(settings)
        app.root_path = "/proxy"
        client = make_client(app)

        documents = [client.get("/openapi.json").json() for _ in range(2)]

        assert [document["servers"] for document in documents] == [[{"url": "/proxy"}]] * 2
        assert "servers" not in app.openapi()
