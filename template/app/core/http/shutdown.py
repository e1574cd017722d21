"""A graceful end: the service says that it is leaving before it stops to answer."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fastapi import FastAPI


@contextmanager
def drain_on_sigterm(app: FastAPI, *, delay_seconds: float = 0) -> Iterator[None]:
    """Turn `/health/ready` to 503 at SIGTERM, and let the server stop `delay_seconds` later.

    The lifespan ends only after the last request, too late to say so; so the signal is caught on
    its way to the server, which then stops accepting and waits for the requests in flight. The
    delay gives load balancers time to notice; a second SIGTERM skips it.
    """
    app.state.draining = False
    if threading.current_thread() is not threading.main_thread():
        yield  # Signals can only be caught in the main thread: a test runs the application.
        return
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        wait = delay_seconds if not app.state.draining else 0
        app.state.draining = True
        loop.call_soon_threadsafe(loop.call_later, wait, hand_on, number, frame)

    def hand_on(number: int, frame: FrameType | None) -> None:
        if callable(stop):
            stop(number, frame)
        elif stop == signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    signal.signal(signal.SIGTERM, drain)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, stop or signal.SIG_DFL)
