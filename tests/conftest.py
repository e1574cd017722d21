import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from filelock import FileLock

from tests.support.api_session import Exchange, run_scenario
from tests.support.history import History
from tests.support.interpreters import Interpreter, lowest
from tests.support.projects import STARTUP, Project
from tests.support.renderings import Rendering, Renderings, copy_checkout
from tests.support.stacks import Stack
from tests.support.tiers import pytest_addoption, pytest_collection_modifyitems

__all__ = ["pytest_addoption", "pytest_collection_modifyitems"]

REPOSITORY = Path(__file__).parents[1]

Render = Callable[[Stack], Rendering]
Install = Callable[..., Project]


class ScenarioResult(NamedTuple):
    """The OpenAPI document of a service and its recorded answers."""

    openapi: dict[str, Any]
    exchanges: list[Exchange]


ScenarioResults = Callable[[Stack], ScenarioResult]

MEMORY = Path("/dev/shm")
GIBIBYTE = 1 << 30


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Return 1.5 times the number of processors: tests often wait for servers and databases."""
    processors = yield
    return processors * 3 // 2


@pytest.fixture(scope="session")
def shared_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all test processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put temporary files, mostly Copier's clones, into /dev/shm if there is enough room.

    For some minutes after a deletion ext4 does not reuse the inode and skips it on each file
    creation, so that thousands of deletions slow all tests down.
    """
    tmp_path_factory.getbasetemp()  # Choose it first: what pytest keeps stays on the disk.
    is_usable = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > GIBIBYTE
    if not is_usable:
        yield
        return
    with (
        tempfile.TemporaryDirectory(prefix="chassis-", dir=MEMORY) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        Path(folder).chmod(0o711)  # PostgreSQL has another user if root runs the tests.
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="session", autouse=True)
def fast_copier_processes(shared_path: Path) -> Iterator[None]:
    """Make Copier fast in the processes of these tests; guides run it as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(STARTUP))
        patch.setenv("COPIER_CODE", str(shared_path))
        yield


@pytest.fixture(scope="session")
def checkout(shared_path: Path) -> Path:
    """Return a clean clone of the working tree, including uncommitted changes."""
    target = shared_path / "checkout"
    with FileLock(shared_path / "checkout.lock"):
        if not target.exists():
            copy_checkout(REPOSITORY, target)
    return target


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Return a repository with all releases and the working tree."""
    return History(tmp_path / "history")


@pytest.fixture(scope="session")
def render(shared_path: Path, checkout: Path) -> Render:
    """Return a function that renders a stack once per run; the result is read-only."""
    return Renderings(checkout, shared_path / "renderings")


@pytest.fixture(scope="session")
def install(shared_path: Path, render: Render) -> Install:
    """Return a function that installs a project once per run; tests share it."""

    def install(stack: Stack, python: Interpreter | None = None) -> Project:
        python = python or lowest()
        folder = shared_path / f"python{python.version}"
        project = Project(folder / str(stack), python)
        folder.mkdir(parents=True, exist_ok=True)
        with project.lock():
            if not (project.path / ".venv").exists():
                shutil.copytree(render(stack).path, project.path, dirs_exist_ok=True)
                project.sync(shared_path)
        return project

    return install


@pytest.fixture(scope="session")
def scenario_results(install: Install) -> ScenarioResults:
    """Return a function that runs the API scenario against a stack once per run."""

    def scenario_results(stack: Stack) -> ScenarioResult:
        project = install(stack)
        record = project.path.with_name(f"{stack}.scenario.json")
        with project.lock():
            if not record.exists():
                project.delete_database()
                with project.serve() as server:
                    result = ScenarioResult(
                        server.get("/openapi.json").json(), run_scenario(server, stack)
                    )
                    server.stop()
                assert server.remaining_processes() == []
                record.write_text(json.dumps(result))
        return ScenarioResult(*json.loads(record.read_text()))

    return scenario_results


@pytest.fixture(autouse=True)
def no_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
