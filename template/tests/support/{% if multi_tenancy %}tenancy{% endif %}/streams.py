"""A limit for responses that never end, such as server-sent events."""

import anyio
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.types import Message, Receive, Scope, Send

# The response of a stream is what it has sent by then.
STREAM_SECONDS = 0.5


class StreamLimit:
    """Wraps an application and ends its event streams early."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.state: State = app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, and end its response if it is an event stream."""
        with anyio.CancelScope() as stream:

            async def send_within_limit(message: Message) -> None:
                headers = dict(message.get("headers", ()))
                if headers.get(b"content-type", b"").startswith(b"text/event-stream"):
                    stream.deadline = anyio.current_time() + STREAM_SECONDS
                await send(message)

            await self._app(scope, receive, send_within_limit)
        if stream.cancelled_caught:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
