from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.renderings import Rendering, Renderings, copy_checkout
from tests.stacks import Stack

REPOSITORY = Path(__file__).parents[1]

Render = Callable[[Stack], Rendering]


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all test processes of this run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "workshop"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def checkout(workshop: Path) -> Path:
    """A clean clone of the working tree, uncommitted changes included."""
    target = workshop / "checkout"
    with FileLock(workshop / "checkout.lock"):
        if not target.exists():
            copy_checkout(REPOSITORY, target)
    return target


@pytest.fixture(scope="session")
def render(workshop: Path, checkout: Path) -> Render:
    """Renderings to be read, made once per run; a test that writes renders one of its own."""
    return Renderings(checkout, workshop / "renderings")


@pytest.fixture(autouse=True)
def no_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
