"""Structured logs: a line per event, readable locally, JSON elsewhere, with its request's id.

Everything goes through structlog, the standard library's loggers (Uvicorn, SQLAlchemy) too.
"""

import json
import logging
import re
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from functools import lru_cache
from types import FrameType

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.typing import EventDict, Processor, WrappedLogger

from app.core.config import CoreSettings

correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)

FRAMEWORK = {"anyio", "fastapi", "starlette"}
REDACTED = "[redacted]"
SECRET_NAME = re.compile(
    r"passw|secret|token|authorization|cookie|api_?key|credential|dsn|database_url|redis_url",
    re.IGNORECASE,
)

# What a request holds must not move the cursor of the terminal that shows it.
CONTROL = re.compile(r"[^\n\t -~\xa0-\U0010ffff]")

_processors: list[Processor] = []  # one list for ever: cached loggers keep it
_reported: ContextVar[BaseException | None] = ContextVar("reported", default=None)


def configure_logging(settings: CoreSettings, *, processors: Sequence[Processor] = ()) -> None:
    """Set up every logger of the process; `processors` see each event before it is rendered."""
    level = logging.getLevelNamesMapping()[settings.log_level]
    _processors[:] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        add_correlation_id,
        *processors,
        redact_secrets,
        *(_json_lines() if settings.logs_json else _console_lines()),
    ]
    structlog.configure(
        processors=_processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    _take_over_standard_logging(level)


def add_correlation_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say which request an event belongs to."""
    if identifier := correlation_id.get():
        event["correlation_id"] = identifier
    return event


def redact_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank out values whose names say that they are secret, one level deep."""
    for key, value in event.items():
        if is_secret(key):
            event[key] = REDACTED
        elif isinstance(value, dict):
            event[key] = {
                name: REDACTED if is_secret(str(name)) else inner for name, inner in value.items()
            }
    return event


def escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Show control characters instead of sending them."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)
    return event


def render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """One line of JSON; Pydantic's writer takes a fifth of the standard library's time."""
    try:
        return to_json(event, fallback=repr, inf_nan_mode="null").decode()
    except PydanticSerializationError:  # Bytes or text that is not UTF-8.
        return json.dumps(event, default=repr)


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether a value of this name must not reach the logs."""
    return SECRET_NAME.search(name) is not None


def report_unhandled(error: BaseException) -> None:
    """Log a defect with its traceback, so that the server need not log it again."""
    trace = error.__traceback__
    while trace is not None and is_framework(trace.tb_frame):
        trace = trace.tb_next
    exc_info = (type(error), error, trace or error.__traceback__)
    structlog.get_logger().error("unhandled_error", exc_info=exc_info)
    _reported.set(error)


def is_framework(frame: FrameType) -> bool:
    """Whether a traceback's frame only says how a request got to the code that failed."""
    module: str = frame.f_globals.get("__name__", "")
    return module == "app.core.problems" or module.partition(".")[0] in FRAMEWORK


class StructlogHandler(logging.Handler):
    """Passes the standard library's log records on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record once, unless `report_unhandled` has logged its exception already."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and error is _reported.get():
            return
        try:
            structlog.get_logger().log(
                record.levelno, record.getMessage().strip(), logger=record.name, exc_info=error
            )
        except Exception:
            self.handleError(record)


def _take_over_standard_logging(level: int) -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, StructlogHandler):
            root.removeHandler(handler)
    root.addHandler(StructlogHandler())
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # The middleware logs each request, with its correlation id and without its query string.
    logging.getLogger("uvicorn.access").disabled = True
    # HTTP clients log the URLs that they call, which may carry secrets; the reloader every file.
    for name in ("alembic", "httpx", "httpx2", "watchfiles"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _json_lines() -> list[Processor]:
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        render_json,
    ]


def _console_lines() -> list[Processor]:
    return [
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        escape_controls,
        structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
            sort_keys=False,
        ),
    ]
