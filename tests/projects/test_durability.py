"""Rows of successful requests survive a kill during other requests."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import psutil
import pytest

from tests.conftest import Install
from tests.support.api_session import ApiSession, register
from tests.support.projects import Project, Server, get_client
from tests.support.stacks import OPPOSITES, Stack, each

WRITERS = 8
WRITTEN_BEFORE_THE_KILL = 40
ARTICLES = "/api/v1/articles"


class Writers:
    """Clients that create articles until they are stopped, and record the responses."""

    def __init__(self, server: Server, token: str) -> None:
        self.created: list[str] = []
        self.statuses: set[int] = set()
        self.enough = threading.Event()
        self._stop = threading.Event()
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write in the background during the block."""
        with ThreadPoolExecutor(WRITERS) as pool:
            running = [pool.submit(self._write) for _ in range(WRITERS)]
            assert self.enough.wait(60), self._server.output()
            try:
                yield
            finally:
                self._stop.set()
        for writer in running:
            writer.result()

    def _write(self) -> None:
        article = {"title": "Title", "content": "Content"}
        url = self._server.url + ARTICLES
        while not self._stop.is_set():
            try:
                response = get_client().post(url, json=article, headers=self._headers, timeout=30)
            except httpx2.TransportError:
                continue  # Killed during the request: there is no response.
            self.statuses.add(response.status_code)
            if response.status_code == 201:
                self.created.append(response.json()["id"])
            if len(self.created) >= WRITTEN_BEFORE_THE_KILL:
                self.enough.set()


def kill_application(server: Server) -> None:
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(10)


def kill_postgres(server: Server) -> None:
    """Kill the postmaster and all its children, as the kernel does when memory runs out."""
    data = str(server.project / ".postgres" / "data")
    doomed = [process for process in psutil.process_iter() if works_in(process, data)]
    assert doomed
    for process in doomed:
        process.kill()
    psutil.wait_procs(doomed, 10)


def works_in(process: psutil.Process, folder: str) -> bool:
    try:
        return process.cwd() == folder
    except (psutil.Error, ProcessLookupError):
        return False


@pytest.mark.parametrize("kill", [kill_application, kill_postgres])
@each(OPPOSITES)
def test_nothing_that_was_answered_is_lost(
    stack: Stack, kill: Callable[[Server], None], install: Install
) -> None:
    project: Project = install(stack)
    with project.lock():
        project.delete_database()
        with project.serve() as server:
            with ApiSession(server) as session:
                ann = register(session, stack, "ann@example.org", "Acme")
            writers = Writers(server, ann.token)
            with writers.writing():
                kill(server)
        with project.serve() as server:
            headers = {"Authorization": f"Bearer {ann.token}"}
            for article in writers.created:
                response = get_client().get(f"{server.url}{ARTICLES}/{article}", headers=headers)
                assert response.status_code == 200, response.text
            server.stop()
        assert server.remaining_processes() == []
    assert len(writers.created) >= WRITTEN_BEFORE_THE_KILL
    assert writers.statuses <= {201, 503}
