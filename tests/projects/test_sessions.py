"""Sessions outside routes: a late use of a route's session fails, and the guide's code works."""

import re
import shutil
import time
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.conftest import Render
from tests.support.api_session import ApiSession, ApiUser, register
from tests.support.checks import copy_mypy_cache
from tests.support.guides import GUIDES
from tests.support.projects import PATIENCE_SECONDS, Project, Server
from tests.support.stacks import OPPOSITES, Stack, each

GUIDE = GUIDES / "use-sessions-outside-routes.md"
CLOSED = re.compile(r"This Session .* permanently closed")

# Routes that a developer may write, and that lose the change.
MISUSED = """
from collections.abc import AsyncIterator, Iterator
from fastapi import APIRouter, BackgroundTasks, Depends, WebSocket
from fastapi.responses import StreamingResponse
from sqlalchemy import text
from app.core.database import Session
from app.core.errors import ForbiddenError, UnavailableError
from app.core.http.rate_limit import RateLimit
from app.dependencies import CurrentUser, ReadSessionDep, SessionDep

router = APIRouter(prefix="/api/v1/misused")

{async_}def work(session: Session) -> None:
    {await_}session.execute(text("UPDATE users SET name = 'late'"))

@router.post("/background")
{async_}def run_later(session: SessionDep, background: BackgroundTasks) -> str:
    background.add_task(work, session)
    return "accepted"

{async_}def stream(session: Session) -> {Iterator}[str]:
    {await_}session.execute(text("UPDATE users SET name = 'late'"))
    yield "streamed"

@router.post("/stream")
{async_}def run_stream(session: SessionDep) -> StreamingResponse:
    return StreamingResponse(stream(session))

@router.websocket("/live")
async def fail(
    websocket: WebSocket, user: CurrentUser, session: SessionDep, reads: ReadSessionDep
) -> None:
    await websocket.accept()
    await websocket.send_text(user.role)
    if await websocket.receive_text() == "forbidden":
        raise ForbiddenError
    raise UnavailableError

@router.websocket("/limited", dependencies=[Depends(RateLimit("1/minute", name="live"))])
async def limit(websocket: WebSocket) -> None:
    await websocket.accept()
"""
LATE_TEST = """
import pytest
from sqlalchemy.exc import InvalidRequestError
from tests.support.client import HttpClient
from app.names_misused import router

@pytest.mark.parametrize("name", ["background", "stream"])
{async_}def test_late(app, user_client: HttpClient, name: str) -> None:
    app.include_router(router)
    {await_}user_client.post(f"/api/v1/misused/{{name}}")
"""
SYNC_WORDS = {"async_": "", "await_": "", "Iterator": "Iterator"}
ASYNC_WORDS = {"async_": "async ", "await_": "await ", "Iterator": "AsyncIterator"}


@pytest.fixture
def project(stack: Stack, render: Render, shared_path: Path, tmp_path: Path) -> Project:
    """Return an installed project with the guide's routes and misused ones."""
    project = Project(Path(shutil.copytree(render(stack).path, tmp_path / "project")))
    project.sync(shared_path)
    is_sync = stack.concurrency == "sync"
    (project.path / "app/names.py").write_text(adapt(read_guide(is_sync=is_sync), stack))
    misused = MISUSED.format(**(SYNC_WORDS if is_sync else ASYNC_WORDS))
    (project.path / "app/names_misused.py").write_text(misused)
    with (project.path / "app/main.py").open("a") as main:
        main.write("\nfrom app import names, names_misused\n")
        main.write('\napp.include_router(names.router, prefix="/api/v1")\n')
        main.write("app.include_router(names_misused.router)\n")
    return project


def read_guide(*, is_sync: bool) -> str:
    """Return the guide's module for an async or a sync project."""
    blocks = re.findall(r"```python\n# app/names\.py\n(.+?)```", GUIDE.read_text(), re.DOTALL)
    code: str = blocks[is_sync]
    return code


def adapt(code: str, stack: Stack) -> str:
    """Change what the guide tells to change: the tenant and the layout's modules."""
    if stack.multi_tenancy:
        code = code.replace(
            "database.transaction()", "database.transaction(tenant_id=user.tenant_id)"
        )
    if stack.layout == "per-layer":
        code = code.replace("from app.users.models import User", "from app.models.user import User")
    return code


def open_websocket(server: Server, path: str, token: str = "") -> ClientConnection:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = server.url.replace("http", "ws", 1)
    return connect(f"{address}/api/v1{path}", additional_headers=headers)


def wait_for_name(user: ApiUser, name: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while user.request("GET", "/users/me", 200)["name"] != name:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@each(OPPOSITES)
def test_guide(stack: Stack, project: Project, shared_path: Path, tmp_path: Path) -> None:
    project.uv_run("ruff", "check", "app/names.py")
    project.uv_run("ruff", "format", "--check", "app/names.py")
    cache = copy_mypy_cache(shared_path, tmp_path)
    project.uv_run("mypy", f"--cache-dir={cache}", "app/names.py")
    with project.serve() as server, ApiSession(server) as session:
        ann = register(session, stack, "ann@example.org", "Acme")
        exported = session.client.get(
            "/api/v1/names/export", headers={"Authorization": f"Bearer {ann.token}"}
        )
        assert ann.request("GET", "/users/me", 200)["name"] in exported.text.splitlines()
        ann.request("POST", "/names/later?name=Later", 202)
        wait_for_name(ann, "Later")
        with open_websocket(server, "/names/live", ann.token) as socket:
            socket.send("Live")
            assert socket.recv() == "Hello Live"
        wait_for_name(ann, "Live")
        with pytest.raises(InvalidStatus) as denied, open_websocket(server, "/names/live"):
            pass
        assert denied.value.response.status_code == 401
        assert denied.value.response.headers["content-type"] == "application/problem+json"
        with (
            pytest.raises(InvalidStatus) as denied,
            open_websocket(server, "/names/live", "invalid"),
        ):
            pass
        assert denied.value.response.status_code == 401
        server.stop()


@each(OPPOSITES)
def test_late_use(stack: Stack, project: Project) -> None:
    """It fails and is logged, changes nothing and keeps no connection."""
    with project.serve() as server, ApiSession(server) as session:
        ann = register(session, stack, "ann@example.org", "Acme")
        # On connections of their own, because the server closes them after an error.
        headers = {"Authorization": f"Bearer {ann.token}"}
        address = f"{server.url}/api/v1/misused"
        for _ in range(12):
            assert httpx2.post(f"{address}/background", headers=headers).status_code == 200
            with pytest.raises(httpx2.TransportError):
                httpx2.post(f"{address}/stream", headers=headers)
        assert ann.request("PATCH", "/users/me", 200, json={"name": "Ann"})["name"] == "Ann"
        assert len(CLOSED.findall(server.log.read_text())) >= 24
        server.stop()


@each(OPPOSITES)
def test_errors_in_websockets(stack: Stack, project: Project) -> None:
    with project.serve() as server, ApiSession(server) as session:
        ann = register(session, stack, "ann@example.org", "Acme")
        for message, code in {"forbidden": 1008, "unavailable": 1011}.items():
            with open_websocket(server, "/misused/live", ann.token) as socket:
                assert socket.recv() in ("admin", "user")
                socket.send(message)
                with pytest.raises(ConnectionClosedError) as closed:
                    socket.recv()
            assert closed.value.rcvd
            assert closed.value.rcvd.code == code
        with open_websocket(server, "/misused/limited"):
            pass
        with pytest.raises(InvalidStatus) as denied, open_websocket(server, "/misused/limited"):
            pass
        assert denied.value.response.status_code == 429
        server.stop()


@each(OPPOSITES)
def test_own_tests_show_it(stack: Stack, project: Project) -> None:
    is_sync = stack.concurrency == "sync"
    code = LATE_TEST.format(**(SYNC_WORDS if is_sync else ASYNC_WORDS))
    (project.path / "tests/test_late.py").write_text(code)
    with pytest.raises(AssertionError) as failed:
        project.uv_run("pytest", "--quiet", "tests/test_late.py")
    assert "2 failed" in str(failed.value)
    assert "permanently closed" in str(failed.value)
