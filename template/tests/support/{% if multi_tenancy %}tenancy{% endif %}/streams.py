"""A limit for responses that never end, such as server-sent events."""

import math

import anyio
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.types import Message, Receive, Scope, Send

# The response of a stream is what it has sent by then. Streams of other types may be long exports.
EVENT_STREAM_SECONDS = 0.5
STREAM_SECONDS = 3.0


class StreamLimit:
    """Wraps an application and ends its streams early."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.state: State = app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, and end its response if that is a stream."""
        with anyio.CancelScope() as stream:

            async def send_within_limit(message: Message) -> None:
                if message["type"] == "http.response.start":
                    stream.deadline = anyio.current_time() + get_limit(message)
                await send(message)
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    stream.deadline = math.inf  # Background tasks follow.

            await self._app(scope, receive, send_within_limit)
        if stream.cancelled_caught:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def get_limit(start: Message) -> float:
    """Return the seconds that a response may take after its start; only streams are limited."""
    headers = dict(start.get("headers", ()))
    if headers.get(b"content-type", b"").startswith(b"text/event-stream"):
        return EVENT_STREAM_SECONDS
    return math.inf if b"content-length" in headers else STREAM_SECONDS
