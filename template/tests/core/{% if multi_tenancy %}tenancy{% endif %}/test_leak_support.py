"""Tests of the leak tests' generator of bodies, comparison of responses and declarations."""

import gzip
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import anyio
import pytest
from fastapi import FastAPI
from httpx2 import Request, Response
from pydantic import TypeAdapter
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse
from starlette.types import Message

from app.core.schemas import (
    AwareTime,
    Email,
    Int16,
    Int32,
    Int64,
    NaiveDatetime,
    NaiveTime,
    Timestamp,
    WebUrl,
)
from tests.support.tenancy import examples, streams
from tests.support.tenancy.declarations import (
    Exemption,
    LeakTestOptions,
    RequestValues,
    explain_rejection,
)
from tests.support.tenancy.examples import (
    VARIATIONS,
    ExampleGenerator,
    Variation,
    get_unknown_reference,
)
from tests.support.tenancy.openapi import Operation
from tests.support.tenancy.probes import find_ids, set_value
from tests.support.tenancy.responses import find_leaks, is_expected, take_snapshot
from tests.support.tenancy.streams import StreamLimit

SECRET = "canary1234"
DATES = {"type": "string", "format": "date"}
RATING = {"type": "integer", "minimum": 1, "maximum": 5}
BOOKING = {
    "type": "object",
    "properties": {"starts": DATES, "ends": DATES, "least": RATING, "most": RATING},
    "required": ["starts", "ends", "least", "most"],
}


def generate(schema: dict[str, Any], variation: Variation = VARIATIONS[0]) -> Any:
    generator = ExampleGenerator("own")
    return generator.generate(schema, get_unknown_reference, variation=variation)


def build_response(content: str | bytes, *, status: int = 200, **headers: str) -> Response:
    request = Request("GET", "http://test/")
    return Response(status, content=content, headers=headers, request=request)


class TestGenerate:
    @pytest.mark.parametrize(
        ("step", "is_valid"),
        [
            (1, lambda body: body["starts"] < body["ends"] and body["least"] < body["most"]),
            (-1, lambda body: body["starts"] > body["ends"] and body["least"] > body["most"]),
            (0, lambda body: body["starts"] == body["ends"] and body["least"] == body["most"]),
        ],
    )
    def test_order_does_not_depend_on_the_number(
        self, step: int, is_valid: Callable[[dict[str, Any]], bool]
    ) -> None:
        """Generate more bodies than there are different dates."""
        bodies = [generate(BOOKING, Variation(step=step)) for _ in range(400)]
        assert all(map(is_valid, bodies))
        assert all(1 <= body[name] <= 5 for body in bodies for name in ("least", "most"))

    @pytest.mark.parametrize("variation", VARIATIONS)
    def test_all_variations_obey_the_schema(self, variation: Variation) -> None:
        schema = {
            "type": "object",
            "properties": {
                "kind": {"enum": ["a", "b"]},
                "share": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
                "even": {"type": "integer", "multipleOf": 2, "exclusiveMaximum": 9, "minimum": 0},
                "at": {"type": "string", "format": "time"},
                "optional": {"type": "boolean"},
            },
            "required": ["kind", "share", "even", "at"],
        }
        for _ in range(20):
            body = generate(schema, variation)
            assert body["kind"] in ("a", "b")
            assert 0 <= body["share"] < 1
            assert body["even"] in (0, 2, 4, 6, 8)
            assert "08:00:00" <= body["at"] < "16:00:00"
            assert ("optional" in body) is not variation.is_minimal

    @pytest.mark.parametrize(
        "type_",
        [AwareTime, Email, Int16, Int32, Int64, NaiveDatetime, NaiveTime, Timestamp, WebUrl],
    )
    def test_kernel_types_accept_the_values(self, type_: Any) -> None:
        adapter = TypeAdapter[Any](type_)
        value = generate(adapter.json_schema())
        assert adapter.validate_python(value)
        assert not isinstance(value, int) or value > 0

    def test_times_are_unique(self) -> None:
        schema = {"type": "object", "properties": {"on": DATES}}
        days = {generate(schema)["on"] for _ in range(examples.DIFFERENT_DAYS // 2)}
        assert len(days) == examples.DIFFERENT_DAYS // 2


class TestIds:
    def test_are_found_and_replaced_in_nested_bodies(self) -> None:
        own, foreign = get_unknown_reference(""), get_unknown_reference("")
        body: Any = {
            "lines": [{"product": own, "count": 1}, {"product": own}],
            "name": "x",
            "tags": [],
        }
        assert list(find_ids(body)) == [(("lines", 0, "product"), own)]
        changed = set_value(body, ("lines", 0, "product"), foreign)
        assert changed["lines"] == [{"product": foreign, "count": 1}, {"product": own}]
        assert body["lines"][0]["product"] == own


def build_archive() -> bytes:
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        archive.writestr("sheet.xml", f"<c>{SECRET}</c>")
    return content.getvalue()


def build_unreadable_archives() -> list[bytes]:
    """Return archives that are encrypted, compressed by an unknown method, or damaged."""
    archive = build_archive()
    entry = archive.index(b"PK\1\2")  # in the central directory
    encrypted, unknown = bytearray(archive), bytearray(archive)
    encrypted[6] = encrypted[entry + 8] = 1
    unknown[8] = unknown[entry + 10] = 99
    return [bytes(encrypted), bytes(unknown), archive.replace(SECRET.encode(), b"x" * len(SECRET))]


class TestFindLeaks:
    @pytest.mark.parametrize(
        "content",
        [
            f"name;{SECRET};1\n",
            f"name;{SECRET};1\n".encode("utf-16"),
            gzip.compress(SECRET.encode()),
            build_archive(),
            b"\x89PNG\xff" + SECRET.encode(),
        ],
        ids=["csv", "utf-16", "gzip", "zip", "binary"],
    )
    def test_secret_in_a_file(self, content: str | bytes) -> None:
        assert find_leaks(build_response(content), [SECRET], ()) == [SECRET]

    def test_secret_in_a_header(self) -> None:
        response = build_response("", status=307, location=f"https://example.com/{SECRET}")
        assert find_leaks(response, [SECRET], ()) == [SECRET]

    @pytest.mark.parametrize("content", build_unreadable_archives()[:2])
    def test_secret_in_an_unreadable_archive(self, content: bytes) -> None:
        """Search the raw bytes: files may be stored without compression."""
        assert find_leaks(build_response(content), [SECRET], ()) == [SECRET]

    @pytest.mark.parametrize(
        "content",
        [
            b"PK\x03\x04broken",
            b"\x1f\x8bbroken",
            b"\xff\xfe\xfd",
            build_unreadable_archives()[2],
        ],
    )
    def test_broken_file(self, content: bytes) -> None:
        assert find_leaks(build_response(content), [SECRET], ()) == []
        assert take_snapshot(build_response(content), ())[0] == 200


class TestStreamLimit:
    def read(self, response: StreamingResponse) -> list[Message]:
        """Return the messages of a response, which must end."""
        app = FastAPI()
        app.add_api_route("/", lambda: response, response_class=StreamingResponse)
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
        messages: list[Message] = []

        async def receive() -> Message:
            await anyio.sleep_forever()
            raise AssertionError

        async def send(message: Message) -> None:
            messages.append(message)

        async def call() -> None:
            with anyio.fail_after(5):
                await StreamLimit(app)(scope, receive, send)

        anyio.run(call)
        return messages

    @pytest.fixture(autouse=True)
    def short_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(streams, "EVENT_STREAM_SECONDS", 0.1)
        monkeypatch.setattr(streams, "STREAM_SECONDS", 0.2)

    @pytest.mark.parametrize(
        "media_type", ["text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace"]
    )
    @pytest.mark.parametrize("number", [0, 2])
    def test_endless(self, media_type: str, number: int) -> None:
        """A stream may wait for its first value, too."""

        async def stream() -> AsyncIterator[bytes]:
            for _ in range(number):
                yield b"1"
            await anyio.sleep_forever()

        start, *body = self.read(StreamingResponse(stream(), media_type=media_type))
        assert start["status"] == 200
        assert b"".join(message["body"] for message in body) == b"1" * number
        assert body[-1]["more_body"] is False

    def test_background_task(self) -> None:
        """The limit is for the response, not for the work after it."""
        finished: list[bool] = []

        async def stream() -> AsyncIterator[bytes]:
            yield b"1"

        async def work() -> None:
            await anyio.sleep(0.4)
            finished.append(True)

        task = BackgroundTask(work)
        messages = self.read(
            StreamingResponse(stream(), media_type="text/event-stream", background=task)
        )
        assert finished == [True]
        assert [message.get("more_body") for message in messages] == [None, True, False]


class TestIsExpected:
    def test_number_of_lines(self) -> None:
        one, two = (build_response("name;1\n" * count) for count in (1, 2))
        assert not is_expected(take_snapshot(one, ()), [take_snapshot(two, ())])

    def test_total(self) -> None:
        one, two = (build_response(f'{{"total": {count}}}') for count in (1, 2))
        assert not is_expected(take_snapshot(one, ()), [take_snapshot(two, ())])

    def test_values_that_vary_between_equal_requests(self) -> None:
        """Ignore the duration, but not the total beside it."""
        first, second, other, more = (
            take_snapshot(build_response(f'{{"total": {total}, "took": {took}}}'), ())
            for total, took in ((1, 5), (1, 6), (1, 7), (2, 5))
        )
        assert is_expected(other, [first, second])
        assert not is_expected(more, [first, second])

    def test_status(self) -> None:
        found, missing = build_response("{}"), build_response("{}", status=404)
        assert not is_expected(take_snapshot(missing, ()), [take_snapshot(found, ())])


class TestDeclarations:
    def test_unknown_operation(self) -> None:
        options = LeakTestOptions(roles={"user": {}}, values={"GET /orders": RequestValues()})
        assert options.find_unknown_operations(["GET /orders"]) == []
        (message,) = options.find_unknown_operations(["GET /order", "POST /invoices"])
        assert message == (
            "tests/leaks.py names GET /orders, which is not an operation of the API; did you mean"
            " GET /order?"
        )

    def test_reason_is_required(self) -> None:
        with pytest.raises(ValueError, match="reason"):
            Exemption(" ")

    def test_partial_exemption(self) -> None:
        exemptions = {"GET /rates": Exemption("equal for all tenants", checks=["rows"])}
        options = LeakTestOptions(roles={"user": {}}, exemptions=exemptions)
        assert options.get_exemption("GET /rates", "rows") == "equal for all tenants"
        assert options.get_exemption("GET /rates", "paths") is None
        assert not options.is_exempt("GET /rates")

    @pytest.mark.parametrize(
        ("status", "advice"),
        [
            (403, "Add the role that it requires to `roles` in tests/leaks.py"),
            (422, 'values={"GET /rates": RequestValues(query={…})}'),
            (500, "Fix the route"),
        ],
    )
    def test_rejections_are_explained(self, status: int, advice: str) -> None:
        operation = Operation("GET", "/rates", {}, "", None, is_secured=True, creates=False)
        message = explain_rejection(operation, status, "No.", ["user", "admin"], "query")
        assert message.startswith("GET /rates ")
        assert advice in message
        assert 'exemptions={"GET /rates": Exemption("' in message
