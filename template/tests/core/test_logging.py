"""Log lines: readable by machines and by people, and free of secrets."""

import json
import logging

import pytest
import structlog
from structlog.typing import EventDict, WrappedLogger

from app.core.logging import configure_logging, correlation_id, report_unhandled
from app.settings import Settings


@pytest.fixture
def lines(settings: Settings, capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    configure_logging(settings.model_copy(update={"json_logs": True}))
    return capsys


def logged(lines: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.readouterr().out.splitlines()]


class TestJson:
    def test_has_level_time_and_correlation_id(self, lines: pytest.CaptureFixture[str]) -> None:
        token = correlation_id.set("order-42")
        structlog.get_logger().warning("something", count=3)
        correlation_id.reset(token)

        (event,) = logged(lines)
        assert str(event.pop("timestamp")).endswith("Z")
        assert event == {
            "event": "something",
            "level": "warning",
            "count": 3,
            "correlation_id": "order-42",
        }

    def test_the_standard_library_logs_the_same_way(
        self, lines: pytest.CaptureFixture[str]
    ) -> None:
        logging.getLogger("uvicorn.error").warning("Started %s", "well")

        (event,) = logged(lines)
        assert event["event"] == "Started well"
        assert event["logger"] == "uvicorn.error"
        assert event["level"] == "warning"

    @pytest.mark.parametrize("odd", [b"\xff", "\ud800", object(), {1, 2}, float("nan")])
    def test_any_value_can_be_written(self, lines: pytest.CaptureFixture[str], odd: object) -> None:
        structlog.get_logger().warning("odd", value=odd)

        (event,) = logged(lines)
        assert "value" in event


class TestConsole:
    def test_is_for_people(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        configure_logging(settings.model_copy(update={"json_logs": False}))
        structlog.get_logger().warning("something", count=3)

        line = capsys.readouterr().out
        assert "something" in line
        assert "count" in line
        assert not line.startswith("{")

    def test_control_characters_do_not_reach_the_terminal(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        configure_logging(settings.model_copy(update={"json_logs": False}))
        structlog.get_logger().warning("odd\x9b2J", path="/\x1b[2J/ä")

        line = capsys.readouterr().out
        assert r"/\x1b[2J/ä" in line
        assert r"odd\x9b2J" in line


class TestSecrets:
    def test_are_not_written(self, lines: pytest.CaptureFixture[str]) -> None:
        structlog.get_logger().warning(
            "call",
            password="hunter2",
            refresh_token="hunter2",
            headers={"Authorization": "hunter2", "Accept": "text/html"},
        )

        (event,) = logged(lines)
        assert "hunter2" not in json.dumps(event)
        assert event["headers"] == {"Authorization": "[redacted]", "Accept": "text/html"}


class TestProcessors:
    def test_of_the_team_see_each_event(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def add_region(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
            event["region"] = "eu"
            return event

        configure_logging(settings.model_copy(update={"json_logs": True}), processors=[add_region])
        structlog.get_logger().warning("something")

        assert logged(capsys)[0]["region"] == "eu"


class TestDefect:
    def test_is_not_logged_again_by_the_server(self, lines: pytest.CaptureFixture[str]) -> None:
        error = RuntimeError("a defect")
        report_unhandled(error)
        logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)

        (event,) = logged(lines)
        assert "RuntimeError: a defect" in str(event["exception"])
