"""Requests to the last of many routers, without a server: run in a rendered project.

Usage: python -m benchmarks.apps.routes REQUESTS NUMBER_OF_OTHER_ROUTES...
"""

import asyncio
import sys
import time
from typing import Any
from uuid import UUID

import fastapi
from app import application  # type: ignore[attr-defined]  # It has a suffix here.
from app.core.routing import APIRouter
from app.settings import get_settings

ROUTES_PER_ROUTER = 5
ROUNDS = 5
PATH = "/api/v1/measured/0b5a1f6e-8f0f-4d8e-9a4f-6f1f2b7f4b11"


async def answer(item_id: UUID) -> None:
    """Return nothing, so that the cost is that of the middleware and of matching."""


async def answer_list() -> None:
    """Return nothing."""


def build_router(router_class: type[fastapi.APIRouter], name: str) -> fastapi.APIRouter:
    router = router_class(prefix=f"/{name}")
    for method, path in (("GET", ""), ("GET", "/{item_id}"), ("POST", "")):
        endpoint = answer if path else answer_list
        router.add_api_route(path, endpoint, methods=[method], name=f"{method}{path} {name}")
    for method in ("PATCH", "DELETE"):
        router.add_api_route("/{item_id}", answer, methods=[method], name=f"{method} {name}")
    return router


def build_app(router_class: type[fastapi.APIRouter], others: int) -> fastapi.FastAPI:
    names = [*(f"resource{number}" for number in range(others // ROUTES_PER_ROUTER)), "measured"]
    application.routers = [build_router(router_class, name) for name in names]
    settings = get_settings().model_copy(update={"log_level": "ERROR"})
    app: fastapi.FastAPI = application.create_app(settings)
    return app


async def send_request(app: fastapi.FastAPI) -> None:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver")],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200

    await app(scope, receive, send)


async def measure(app: fastapi.FastAPI, requests: int) -> float:
    """Return the CPU time of a request in microseconds, without the first one."""
    await send_request(app)
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(requests):
            await send_request(app)
        times.append((time.process_time() - started) / requests)
    return min(times) * 1e6


def main() -> None:
    requests, *numbers = map(int, sys.argv[1:])
    for others in numbers:
        for router_class in (APIRouter, fastapi.APIRouter):
            print(asyncio.run(measure(build_app(router_class, others), requests)))


if __name__ == "__main__":
    main()
