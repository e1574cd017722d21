"""Tests of logging: JSON and console output, and redacted secrets."""

import json
import logging
from importlib import import_module
from typing import Any

import pytest
import structlog
from structlog.typing import EventDict, WrappedLogger

from app.core.logging import configure_logging, correlation_id, log_unhandled_error
from app.settings import Settings


@pytest.fixture
def output(settings: Settings, capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    """Configure JSON logs and capture them."""
    configure_logging(settings.model_copy(update={"json_logs": True}))
    return capsys


def read_events(output: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Return the events logged since the last call."""
    return [json.loads(line) for line in output.readouterr().out.splitlines()]


class TestJson:
    def test_has_level_time_and_correlation_id(self, output: pytest.CaptureFixture[str]) -> None:
        token = correlation_id.set("order-42")
        structlog.get_logger().warning("something", count=3)
        correlation_id.reset(token)

        (event,) = read_events(output)
        assert str(event.pop("timestamp")).endswith("Z")
        assert event == {
            "event": "something",
            "level": "warning",
            "count": 3,
            "correlation_id": "order-42",
        }

    def test_has_the_ids_of_the_current_span(self, output: pytest.CaptureFixture[str]) -> None:
        trace: Any = import_module("opentelemetry.trace")  # FastAPI brings it.
        context = trace.SpanContext(10, 11, is_remote=False)
        with trace.use_span(trace.NonRecordingSpan(context)):
            structlog.get_logger().warning("inside")
        structlog.get_logger().warning("outside")

        inside, outside = read_events(output)
        assert (inside["trace_id"], inside["span_id"]) == (f"{10:032x}", f"{11:016x}")
        assert "trace_id" not in outside

    def test_standard_library_logs_have_the_same_format(
        self, output: pytest.CaptureFixture[str]
    ) -> None:
        logging.getLogger("uvicorn.error").warning("Started %s", "well")

        (event,) = read_events(output)
        assert event["event"] == "Started well"
        assert event["logger"] == "uvicorn.error"
        assert event["level"] == "warning"

    @pytest.mark.parametrize(("level", "name"), [(25, "info"), (35, "warning"), (60, "critical")])
    def test_levels_of_libraries(
        self, output: pytest.CaptureFixture[str], level: int, name: str
    ) -> None:
        """Libraries may add levels between the standard ones."""
        logging.getLogger("library").log(level, "something")

        (event,) = read_events(output)
        assert event["level"] == name

    @pytest.mark.parametrize("odd", [b"\xff", "\ud800", object(), {1, 2}, float("nan")])
    def test_any_value_can_be_logged(self, output: pytest.CaptureFixture[str], odd: object) -> None:
        structlog.get_logger().warning("odd", value=odd)

        (event,) = read_events(output)
        assert "value" in event


class TestConsole:
    def test_is_readable_text(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging(settings.model_copy(update={"json_logs": False}))
        structlog.get_logger().warning("something", count=3)

        line = capsys.readouterr().out
        assert "something" in line
        assert "count" in line
        assert not line.startswith("{")

    def test_control_characters_are_escaped(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        configure_logging(settings.model_copy(update={"json_logs": False}))
        structlog.get_logger().warning("odd\x9b2J", path="/\x1b[2J/ä")

        line = capsys.readouterr().out
        assert r"/\x1b[2J/ä" in line
        assert r"odd\x9b2J" in line


class TestSecrets:
    def test_secrets_are_redacted(self, output: pytest.CaptureFixture[str]) -> None:
        structlog.get_logger().warning(
            "call",
            password="hunter2",
            refresh_token="hunter2",
            headers={"Authorization": "hunter2", "Accept": "text/html"},
        )

        (event,) = read_events(output)
        assert "hunter2" not in json.dumps(event)
        assert event["headers"] == {"Authorization": "[redacted]", "Accept": "text/html"}


class TestProcessors:
    def test_custom_processor_sees_every_event(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def add_region(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
            event["region"] = "eu"
            return event

        configure_logging(settings.model_copy(update={"json_logs": True}), processors=[add_region])
        structlog.get_logger().warning("something")

        assert read_events(capsys)[0]["region"] == "eu"


class TestUnhandledError:
    def test_is_logged_once(self, output: pytest.CaptureFixture[str]) -> None:
        error = RuntimeError("a defect")
        log_unhandled_error(error)
        logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)

        (event,) = read_events(output)
        assert "RuntimeError: a defect" in str(event["exception"])
