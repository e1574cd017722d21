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
from tests.support.projects import Project
from tests.support.renderings import Rendering, Renderings, copy_checkout
from tests.support.stacks import Stack

REPOSITORY = Path(__file__).parents[1]

Render = Callable[[Stack], Rendering]
Install = Callable[..., Project]


class ScenarioResult(NamedTuple):
    """What a service says of itself, and what it says to its clients."""

    openapi: dict[str, Any]
    exchanges: list[Exchange]


ScenarioResults = Callable[[Stack], ScenarioResult]

MEMORY = Path("/dev/shm")
GIBIBYTE = 1 << 30


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Half as many again as there are processors: tests wait for servers and databases."""
    processors = yield
    return processors * 3 // 2


@pytest.fixture(scope="session")
def shared_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all test processes of this run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put Copier's clones and copies, which live for a moment, into memory where that is a folder.

    ext4 uses no inode again for minutes after a deletion, and passes such inodes one by one for
    each file that is made: thousands of deletions slow all tests down.
    """
    tmp_path_factory.getbasetemp()  # Chosen before: what is kept for reading stays on the disk.
    is_usable = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > GIBIBYTE
    if not is_usable:
        yield
        return
    with (
        tempfile.TemporaryDirectory(prefix="chassis-", dir=MEMORY) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        Path(folder).chmod(0o711)  # Where root runs the tests, PostgreSQL is somebody else.
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="session")
def checkout(shared_path: Path) -> Path:
    """A clean clone of the working tree, uncommitted changes included."""
    target = shared_path / "checkout"
    with FileLock(shared_path / "checkout.lock"):
        if not target.exists():
            copy_checkout(REPOSITORY, target)
    return target


@pytest.fixture
def history(tmp_path: Path) -> History:
    """The releases and the working tree, to update projects from one to the other."""
    return History(tmp_path / "history")


@pytest.fixture(scope="session")
def render(shared_path: Path, checkout: Path) -> Render:
    """Renderings to be read, made once per run; a test that writes renders one of its own."""
    return Renderings(checkout, shared_path / "renderings")


@pytest.fixture(scope="session")
def install(shared_path: Path, render: Render) -> Install:
    """Projects that are installed once per run and shared by the tests that run them."""

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
    """What every stack answered in the same conversation, which is held once per run."""

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
