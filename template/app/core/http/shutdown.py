"""Graceful shutdown: the readiness probe fails before the server stops."""

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fastapi import FastAPI


@contextmanager
def drain_on_sigterm(app: FastAPI, *, delay_seconds: float = 0) -> Iterator[None]:
    """Make `/health/ready` return 503 on SIGTERM, and stop the server `delay_seconds` later.

    The delay lets load balancers stop sending requests; a second SIGTERM skips it. The signal is
    intercepted before the server's handler, because the lifespan ends only after the last request.
    A closed terminal (SIGHUP) has the same effect.
    """
    app.state.draining = False
    if threading.current_thread() is not threading.main_thread():
        yield  # Signal handlers require the main thread; tests run the application in another.
        return
    loop = asyncio.get_running_loop()
    handlers = {number: signal.getsignal(number) for number in get_stop_signals()}
    handler = handlers[signal.SIGTERM]

    def drain(signum: int, frame: FrameType | None) -> None:
        wait = delay_seconds if not app.state.draining else 0
        app.state.draining = True
        loop.call_soon_threadsafe(loop.call_later, wait, forward, signum, frame)

    def forward(signum: int, frame: FrameType | None) -> None:
        if callable(handler):
            handler(signum, frame)
        elif handler == signal.SIG_DFL:
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)

    signal.signal(signal.SIGTERM, drain)
    raise_sigterm_on_hangup()
    try:
        yield
    finally:
        for number, original in handlers.items():
            signal.signal(number, original or signal.SIG_DFL)


def get_stop_signals() -> list[signal.Signals]:
    """Return the signals that stop the server; Windows has no SIGHUP."""
    if sys.platform == "win32":
        return [signal.SIGTERM]
    return [signal.SIGTERM, signal.SIGHUP]


def raise_sigterm_on_hangup() -> None:
    """Handle SIGHUP of a closed terminal like SIGTERM, unless `nohup` ignores it."""
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def exit_on_signals() -> None:
    """Run the exit handlers on SIGTERM, and on SIGHUP when the terminal is closed.

    The default actions skip them. Uvicorn raises SIGTERM again after its shutdown, and does not
    handle SIGHUP.
    """

    def exit_on_signal(signum: int, _frame: FrameType | None) -> None:
        sys.exit(128 + signum)

    signal.signal(signal.SIGTERM, exit_on_signal)
    raise_sigterm_on_hangup()


def stop_with_supervisor() -> None:
    """Stop this process when the supervisor that started it is killed.

    Uvicorn's workers would otherwise keep running and hold the port and the database.
    """
    if supervisor := multiprocessing.parent_process():

        def wait_and_stop() -> None:
            supervisor.join()
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=wait_and_stop, name="supervisor", daemon=True).start()
