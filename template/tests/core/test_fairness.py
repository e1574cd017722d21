"""Tests that a network with many requests or large transfers does not delay others."""

import asyncio
import json
import time
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.concurrency import CONNECTION_EXTENSION, is_client_gone
from app.core.http import fairness
from app.core.http.fairness import LARGE_BYTES, MAX_WAITING_REQUESTS, Turns
from app.core.http.middleware import MAX_QUERY_PARAMETERS, RequestMiddleware
from app.core.logging import configure_logging
from app.settings import Settings
from tests.support.waiting import wait_until

from app.application import create_app

MANY, FEW = "192.0.2.1", "192.0.2.2"
TIMEOUT_SECONDS = 10
LARGE_PART = b"x" * (LARGE_BYTES + 1)


async def count_items(items: list[int]) -> int:
    """Count the items of a request."""
    return len(items)


class Exchange:
    """A request whose body arrives, and whose response is read, when the test says so."""

    def __init__(self, network: str, *, query: str = "") -> None:
        self.network = network
        self.query = query
        self.body: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue()
        self.read = asyncio.Event()
        self.is_closed = False
        self.status = 0
        self.response = b""

    def send_body(self, part: bytes, *, more: bool = False) -> None:
        """Send a part of the body."""
        self.body.put_nowait((part, more))

    async def run(self, app: ASGIApp) -> None:
        """Send the request to an application and collect its response."""
        scope: Scope = {"type": "http", "method": "POST", "path": "/", "scheme": "http"}
        scope["headers"] = [(b"content-type", b"application/json")]
        scope["client"] = (self.network, 1)
        scope["query_string"] = self.query.encode()
        scope["extensions"] = {CONNECTION_EXTENSION: {"is_closed": lambda: self.is_closed}}
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self.is_closed:
            return {"type": "http.disconnect"}
        part, more = await self.body.get()
        return {"type": "http.request", "body": part, "more_body": more}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.response += message["body"]
        if message.get("more_body"):
            await self.read.wait()


class Service:
    """An application that reads the body and responds; it records the networks' order."""

    def __init__(self, settings: Settings, *, response: bytes = b"") -> None:
        self.app = RequestMiddleware(self._respond, settings)
        self.started: list[str] = []
        self.received: list[str] = []
        self._response = response

    def start(self, *exchanges: Exchange) -> "list[asyncio.Task[None]]":
        """Start requests in this order."""
        return [asyncio.create_task(exchange.run(self.app)) for exchange in exchanges]

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        network = scope["client"][0]
        self.started.append(network)
        while (await receive())["more_body"]:
            pass
        self.received.append(network)
        length = (b"content-length", str(len(self._response)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": self._response, "more_body": False})


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test in a new event loop, for a limited time."""

    async def run_and_cancel() -> None:
        await asyncio.wait_for(test, TIMEOUT_SECONDS)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(run_and_cancel())


async def pause(iterations: int = 20) -> None:
    for _ in range(iterations):
        await asyncio.sleep(0)


def test_networks_start_requests_in_turns(settings: Settings) -> None:
    async def test() -> None:
        service = Service(settings)
        tasks = service.start(*(Exchange(MANY) for _ in range(50)), Exchange(FEW))
        await pause(100)
        assert service.started.index(FEW) <= 2
        assert len(service.started) == len(tasks)

    run(test())


def test_cancelled_requests_do_not_end_the_turns(settings: Settings) -> None:
    async def test() -> None:
        service = Service(settings)
        tasks = service.start(*(Exchange(MANY) for _ in range(10)))
        await asyncio.sleep(0)
        for task in tasks[2:8]:
            task.cancel()
        await pause()
        assert len(service.started) == 4

    run(test())


def test_requests_of_clients_that_leave_are_not_processed(settings: Settings) -> None:
    async def test() -> None:
        service = Service(settings)
        exchanges = [Exchange(MANY) for _ in range(10)]
        tasks = service.start(*exchanges)
        await asyncio.sleep(0)
        for exchange in exchanges:
            exchange.is_closed = True
        await asyncio.gather(*tasks[1:])
        assert len(service.started) == 1

        exchanges[0].send_body(LARGE_PART)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not service.received

    run(test())


def test_work_after_the_response_does_not_depend_on_the_client(settings: Settings) -> None:
    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(is_client_gone())
        exchange.is_closed = True
        seen.append(is_client_gone())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        seen.append(is_client_gone())

    seen: list[bool] = []
    exchange = Exchange(FEW)
    run(exchange.run(RequestMiddleware(respond, settings)))
    assert seen == [False, True, False]


def test_waiting_requests_are_limited(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(settings)

    async def test() -> None:
        service = Service(settings)
        exchanges = [Exchange(MANY) for _ in range(MAX_WAITING_REQUESTS + 4)]
        tasks = service.start(*exchanges)
        await asyncio.gather(*tasks[-3:])
        assert {exchange.status for exchange in exchanges[-3:]} == {503}
        # Built and logged once, because there may be thousands.
        [response] = {exchange.response for exchange in exchanges[-3:]}
        assert json.loads(response)["code"] == "service_unavailable"
        assert capsys.readouterr().out.count("requests_refused") == 1
        assert not tasks[-4].done()

    run(test())


@pytest.mark.parametrize(("count", "status"), [(0, 200), (1, 400)])
def test_query_parameters_are_limited(settings: Settings, count: int, status: int) -> None:
    async def test() -> None:
        parameters = ["a=1"] * (MAX_QUERY_PARAMETERS + count)
        exchange = Exchange(FEW, query="&".join(parameters))
        exchange.send_body(b"")
        await asyncio.gather(*Service(settings).start(exchange))
        assert exchange.status == status

    run(test())


def test_query_parameters_of_a_websocket_are_limited(settings: Settings) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def test() -> None:
        scope: Scope = {"type": "websocket", "path": "/", "scheme": "ws", "headers": []}
        scope["client"] = (FEW, 1)
        scope["extensions"] = {"websocket.http.response": {}}
        scope["query_string"] = b"&".join([b"a=1"] * (MAX_QUERY_PARAMETERS + 1))
        await Service(settings).app(scope, asyncio.Queue[Message]().get, send)

    run(test())
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == 400


def test_large_bodies_are_parsed_in_turns(settings: Settings) -> None:
    async def test() -> None:
        service = Service(settings)
        exchanges = [*(Exchange(MANY) for _ in range(50)), Exchange(FEW)]
        tasks = service.start(*exchanges)
        await pause(100)
        for exchange in exchanges:
            exchange.send_body(LARGE_PART)
        await asyncio.gather(*tasks)
        assert service.received.index(FEW) <= 2
        assert len(service.received) == 51

    run(test())


def test_others_run_between_paced_turns() -> None:
    async def test() -> None:
        turns = Turns(paced=True)
        iterations: list[int] = []
        iteration = 0

        async def work() -> None:
            await turns.wait(MANY)
            time.sleep(0.05)  # noqa: ASYNC251  # As parsing does, it blocks the event loop.
            iterations.append(iteration)

        tasks = [asyncio.create_task(work()) for _ in range(3)]
        while len(iterations) < len(tasks):
            iteration += 1
            await asyncio.sleep(0)
        assert all(later - earlier > 2 for earlier, later in pairwise(iterations))

    run(test())


def test_large_bodies_of_a_network_are_limited(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "MAX_TRANSFERS", 2)

    async def test() -> None:
        service = Service(settings)
        exchanges = [*(Exchange(MANY) for _ in range(3)), Exchange(FEW)]
        tasks = service.start(*exchanges)
        for exchange in exchanges:
            exchange.send_body(LARGE_PART, more=True)
            exchange.send_body(b"", more=True)
        await wait_until(lambda: [item.body.qsize() for item in exchanges] == [0, 0, 1, 0])
        await pause()
        assert exchanges[2].body.qsize() == 1

        exchanges[0].send_body(b"")
        await tasks[0]
        await wait_until(exchanges[2].body.empty)

    run(test())


def test_large_response_is_complete(settings: Settings) -> None:
    response = bytes(range(256)) * 1000

    async def test() -> None:
        exchange = Exchange(FEW)
        exchange.send_body(b"")
        exchange.read.set()
        await asyncio.gather(*Service(settings, response=response).start(exchange))
        assert exchange.response == response

    run(test())


def test_unread_responses_of_a_network_are_limited(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "MAX_TRANSFERS", 2)

    async def test() -> None:
        service = Service(settings, response=LARGE_PART)
        exchanges = [*(Exchange(MANY) for _ in range(3)), Exchange(FEW)]
        tasks = service.start(*exchanges)
        for exchange in exchanges:
            exchange.send_body(b"")
        await pause()
        assert [len(exchange.response) > 0 for exchange in exchanges] == [True, True, False, True]

        exchanges[0].read.set()
        await tasks[0]
        await pause()
        assert exchanges[2].response

    run(test())


def test_request_with_large_body_and_response_needs_one_slot(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "MAX_TRANSFERS", 1)

    async def test() -> None:
        service = Service(settings, response=LARGE_PART)
        for _ in range(2):  # The second shows that the first released its slot.
            exchange = Exchange(MANY)
            exchange.send_body(LARGE_PART, more=True)
            exchange.send_body(b"")
            exchange.read.set()
            await asyncio.gather(*service.start(exchange))
            assert exchange.response == LARGE_PART

    run(test())


@pytest.mark.parametrize("limit", ["MAX_WAITING_TRANSFERS", "TRANSFER_TIMEOUT_SECONDS"])
def test_waiting_transfers_are_rejected(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(fairness, "MAX_TRANSFERS", 1)
    monkeypatch.setattr(fairness, limit, 0)

    async def test() -> None:
        service = Service(settings, response=LARGE_PART)
        first, second = Exchange(MANY), Exchange(MANY)
        tasks = service.start(first, second)
        for exchange in (first, second):
            exchange.send_body(b"")
        await tasks[1]
        assert (first.status, second.status) == (200, 503)
        assert json.loads(second.response)["code"] == "service_unavailable"

    run(test())


def test_body_without_a_slot_is_rejected_by_fastapi(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "MAX_TRANSFERS", 0)
    monkeypatch.setattr(fairness, "MAX_WAITING_TRANSFERS", 0)

    async def test() -> None:
        app = create_app(settings)
        app.add_api_route("/", count_items, methods=["POST"])
        exchange = Exchange(MANY)
        exchange.send_body(b"[" + b"1," * LARGE_BYTES + b"1]")
        await exchange.run(app)
        assert exchange.status == 503

    run(test())


def test_background_tasks_hold_no_slot(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "MAX_TRANSFERS", 1)

    async def test() -> None:
        running = asyncio.Event()

        async def respond(_scope: Scope, _receive: Receive, send: Send) -> None:
            length = (b"content-length", str(len(LARGE_PART)).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [length]})
            await send({"type": "http.response.body", "body": LARGE_PART})
            await running.wait()

        app = RequestMiddleware(respond, settings)
        exchanges = [Exchange(MANY), Exchange(MANY)]
        tasks = []
        for exchange in exchanges:
            exchange.read.set()
            tasks.append(asyncio.create_task(exchange.run(app)))
        await pause()
        assert [exchange.response for exchange in exchanges] == [LARGE_PART] * 2
        running.set()
        await asyncio.gather(*tasks)

    run(test())
