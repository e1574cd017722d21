"""Structured logging, with the correlation ID of the request in each event.

All logs go through structlog, including those of the standard library's loggers.
"""

import json
import logging
import os
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

# A request could contain escape sequences that control the terminal.
CONTROL_CHARACTERS = re.compile(r"[^\n\t -~\xa0-\U0010ffff]")

_processors: list[Processor] = []  # Changed in place, because cached loggers keep a reference.
_reported: ContextVar[BaseException | None] = ContextVar("reported", default=None)


def configure_logging(settings: CoreSettings, *, processors: Sequence[Processor] = ()) -> None:
    """Configure all loggers; `processors` receive each event before it is rendered."""
    level = logging.getLevelNamesMapping()[settings.log_level]
    _processors[:] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        add_correlation_id,
        add_trace_ids,
        *processors,
        redact_secrets,
        *(_build_json_renderers() if settings.is_json_logging else _build_console_renderers()),
    ]
    structlog.configure(
        processors=_processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    _redirect_standard_logging(level)


def add_correlation_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the correlation ID of the current request."""
    if identifier := correlation_id.get():
        event["correlation_id"] = identifier
    return event


def add_trace_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the IDs of the current OpenTelemetry span, if the service records spans."""
    trace = sys.modules.get("opentelemetry.trace")  # Imported only if something records spans.
    if trace is not None:
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            event["trace_id"] = f"{span.trace_id:032x}"
            event["span_id"] = f"{span.span_id:016x}"
    return event


def redact_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact values whose names suggest a secret, including those in dictionaries (one level)."""
    for key, value in event.items():
        if is_secret(key):
            event[key] = REDACTED
        elif isinstance(value, dict):
            event[key] = {
                name: REDACTED if is_secret(str(name)) else inner for name, inner in value.items()
            }
    return event


def escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape control characters in values."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = CONTROL_CHARACTERS.sub(lambda match: ascii(match[0])[1:-1], value)
    return event


def render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Render an event as a line of JSON."""
    try:
        # Five times as fast as the standard library.
        return to_json(event, fallback=repr, inf_nan_mode="null").decode()
    except PydanticSerializationError:  # The event contains invalid UTF-8.
        return json.dumps(event, default=repr)


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Return True if the name suggests a secret value."""
    return SECRET_NAME.search(name) is not None


def log_unhandled_error(error: BaseException) -> None:
    """Log an unexpected error with its traceback, without the leading frames of the framework.

    The server also logs the error; StructlogHandler drops that record.
    """
    trace = error.__traceback__
    while trace is not None and is_framework_frame(trace.tb_frame):
        trace = trace.tb_next
    exc_info = (type(error), error, trace or error.__traceback__)
    structlog.get_logger().error("unhandled_error", exc_info=exc_info)
    _reported.set(error)


def is_framework_frame(frame: FrameType) -> bool:
    """Return True if a traceback's frame belongs to the framework."""
    module: str = frame.f_globals.get("__name__", "")
    return module == "app.core.problems" or module.partition(".")[0] in FRAMEWORK


class StructlogHandler(logging.Handler):
    """Forwards the standard library's log records to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Forward a record, unless `log_unhandled_error` has already logged its exception."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and error is _reported.get():
            return
        try:
            # structlog knows only the standard levels.
            level = min(record.levelno // 10 * 10, logging.CRITICAL)
            structlog.get_logger().log(
                level, record.getMessage().strip(), logger=record.name, exc_info=error
            )
        except Exception:
            self.handleError(record)


def _redirect_standard_logging(level: int) -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, StructlogHandler):
            root.removeHandler(handler)
    root.addHandler(StructlogHandler())
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # RequestMiddleware logs requests, with their correlation ID and without their query string.
    logging.getLogger("uvicorn.access").disabled = True
    # HTTP clients log full URLs, which may contain secrets; the reloader logs every changed file.
    for name in ("alembic", "httpx", "httpx2", "watchfiles"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # At DEBUG, SQLAlchemy's loggers would also log rows, which may contain secrets.
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
    statement_level = logging.INFO if level <= logging.DEBUG else logging.WARNING
    logging.getLogger("sqlalchemy.engine").setLevel(statement_level)


def _build_json_renderers() -> list[Processor]:
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        render_json,
    ]


def _build_console_renderers() -> list[Processor]:
    return [
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        escape_controls,
        structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
            exception_formatter=structlog.dev.plain_traceback,
            sort_keys=False,
        ),
    ]
