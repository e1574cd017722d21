"""The tutorial, run block by block, on a template with several releases."""

import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.clean_home import environment
from tests.support.kernel_changes import add_locale
from tests.support.projects import Server, free_port
from tests.support.releases import GitProject, Template

pytestmark = pytest.mark.update

TUTORIAL = REPOSITORY / "docs" / "tutorials" / "a-year-in-ten-minutes.md"
BLOCK = re.compile(r"```(console|text)\n(.+?)```", re.DOTALL)
SERVE = "uv run manage run\n"
NEWS = "# Changelog\n"


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    """Return a template with five releases, each with another kind of change."""
    template = Template(checkout, tmp_path / "template.git")
    publish(template, "0.1.0")
    template.edit("requirements.jinja", "structlog>=26.1", "structlog>=26.0")
    publish(template, "0.2.0")
    template.edit("core/errors.py", "error occurred.", "error occurred, and is being looked into.")
    publish(template, "0.3.0")
    kernel = template.path / "template"
    (kernel / "app" / "core" / "sundial.py").write_text('"""What time it is."""\n')
    (kernel / "tests" / "core" / "test_logging.py").unlink()
    publish(template, "0.4.0")
    add_locale(template)
    publish(template, "0.5.0")
    return template


def publish(template: Template, version: str) -> None:
    """Release the template with a line in the changelog."""
    path = template.path / "CHANGELOG.md"
    past = path.read_text().removeprefix(NEWS) if version != "0.1.0" else ""
    path.write_text(f"{NEWS}\n## [{version}]\n\n- What {version} brings.\n{past}")
    template.release(f"v{version}")


@dataclass
class Reader:
    """A reader with two terminals: one for the server, one for the commands."""

    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    output: str = ""
    server: Server | None = None

    def paste(self, block: str) -> None:
        """Run a block with another port; stop the server after the block that follows its start."""
        block = block.replace("localhost:8000", f"localhost:{self.port}")
        if block == SERVE:
            self._serve()
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}"
        self.output = done.stdout
        self.stop_server()

    def _serve(self) -> None:
        log = self.folder.with_name("server.log")
        with log.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"{SERVE.strip()} --port {self.port}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.server = Server(process, f"http://127.0.0.1:{self.port}", log, self.folder)
        self.server.wait_until_ready()

    def stop_server(self) -> None:
        """Press Ctrl+C in the server's terminal."""
        if self.server:
            os.killpg(self.server.process.pid, signal.SIGINT)
            self.server.process.wait(30)
            assert self.server.remaining_processes() == []
            self.server = None


def test_replays(template: Template, tmp_path: Path) -> None:
    home = environment(template.path, tmp_path / "home")
    reader = Reader(tmp_path, home)
    try:
        for language, block in BLOCK.findall(TUTORIAL.read_text()):
            if language == "text":
                missing = [line for line in block.splitlines() if line not in reader.output]
                assert not missing, f"{missing} in\n{reader.output}"
            else:
                reader.paste(block)
                reader.folder = tmp_path / "shop"
    finally:
        if reader.server:
            reader.server.kill()

    shop = GitProject(tmp_path / "shop")
    files = {name: text.decode() for name, text in shop.files().items()}
    assert shop.conflicts() == []
    assert "is being looked into" in files["app/core/errors.py"]
    assert "class OutOfStockError" in files["app/core/errors.py"]
    assert "structlog>=26.0" in files["pyproject.toml"]
    assert '"attrs>=' in files["pyproject.toml"]
    assert "app/core/sundial.py" in files
    assert "tests/core/test_logging.py" not in files
    assert "PAGE_WIDTH = 80" in files["app/dependencies.py"]
    assert {"locale", "nickname"} < set(
        re.findall(r"    (\w+): Mapped", files["app/users/models.py"])
    )
    assert files["README.md"] == "# The shop\n"
