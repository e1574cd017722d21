"""Stacks are installed, checked, tested and served, on the oldest Python and on the newest."""

import re
import shutil
import signal
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from jinja2 import Environment, FileSystemLoader

from tests.conftest import REPOSITORY, Install, Render, ScenarioResults
from tests.support.api_session import run_scenario
from tests.support.checks import check_types, run_mypy, run_own_tests, run_ruff
from tests.support.interpreters import LOWEST, lowest, newest
from tests.support.projects import Project
from tests.support.requirements import require
from tests.support.stacks import BARE, OPPOSITES, SERVED, STACKS, Stack, each

# Calls of a repository, of which mypy must accept some and reject the others.
VALUES = """
from typing import Any
from sqlalchemy import func
from app.core.repository import Repository
from app.core.schemas import ReadSchema
from app.models import Article

class ArticleRepository(Repository[Article]):
    model = Article

async def check(articles: ArticleRepository, article: Article, values: dict[str, Any]) -> None:
    await articles.create(ReadSchema, title="Tea", published=True)
    await articles.create(ReadSchema, title="Tea", **values)
    await articles.update(article, title=func.upper(Article.title))
    await articles.update(article, **values)
    await articles.create(ReadSchema, titel="Tea")  # type: ignore[call-arg]
    await articles.create(ReadSchema, titel="Tea", **values)  # type: ignore[call-arg]
    await articles.create(ReadSchema, title=5)  # type: ignore[arg-type]
    await articles.create(ReadSchema, title=5, **values)  # type: ignore[arg-type]
    await articles.update(article, titel="Tea")  # type: ignore[call-arg]
    await articles.update(article, title=5)  # type: ignore[arg-type]
"""


@each(SERVED, quick=OPPOSITES, exhaustive=STACKS)
def test_served(stack: Stack, scenario_results: ScenarioResults) -> None:
    assert scenario_results(stack).exchanges


@each([OPPOSITES[1].with_answers(example=False)], exhaustive=BARE)
class TestWithoutTheExample:
    def test_types(self, stack: Stack, install: Install, shared_path: Path) -> None:
        check_types(install(stack), shared_path)

    def test_own_tests(self, stack: Stack, install: Install) -> None:
        run_own_tests(install(stack))


@each(OPPOSITES[:1], exhaustive=OPPOSITES)
def test_types_of_values(stack: Stack, install: Install, shared_path: Path, tmp_path: Path) -> None:
    """mypy finds wrong names and types; it would also report an ignore without an error."""
    code = VALUES
    if stack.concurrency == "sync":
        code = code.replace("async ", "").replace("await ", "")
    project = install(stack)
    [example] = re.findall(
        r"```python\n(.*?)```", (project.path / "README.md").read_text(), re.DOTALL
    )
    paths = [tmp_path / "values.py", tmp_path / "example.py"]
    for path, text in zip(paths, (code, example), strict=True):
        path.write_text(text)
    run_mypy(project, shared_path, *map(str, paths))
    run_ruff("check", f"--config={project.path / 'pyproject.toml'}", paths[1].name, cwd=tmp_path)


@each(OPPOSITES[:1], exhaustive=OPPOSITES)
def test_newest_python(stack: Stack, install: Install) -> None:
    require(newest() not in (None, lowest()), f"no Python newer than {LOWEST} is installed")
    project = install(stack, newest())
    run_own_tests(project)
    with project.serve() as server:
        assert run_scenario(server, stack)


class TestUse:
    @each(OPPOSITES)
    def test_readme_of_the_project(self, stack: Stack, install: Install) -> None:
        """Run its curl commands: register, log in, create an article, be refused another's."""
        project = install(stack)
        with project.lock():
            project.delete_database()
            with project.serve() as server:
                address = server.url.removeprefix("http://")
                script = "\n".join(curl_lines(project.path / "README.md"))
                printed = project.run("bash", "-euc", script.replace("localhost:8000", address))
                server.stop()
        assert '"title":"Hello"' in printed
        assert f'"status":{404 if stack.multi_tenancy else 403}' in printed

    @each(OPPOSITES[:1], exhaustive=OPPOSITES)
    def test_two_processes_share_the_database(self, stack: Stack, install: Install) -> None:
        project = install(stack)
        with project.lock(), project.serve() as one, project.serve() as other:
            one.stop()
            assert other.get("/health/ready").status_code == 200
            other.stop()
            assert other.remaining_processes() == []

    @each(OPPOSITES[1:], exhaustive=OPPOSITES)
    def test_fastapi_command(self, stack: Stack, install: Install) -> None:
        project = install(stack)
        with project.lock():
            project.delete_database()
            with project.serve_with("fastapi", "dev") as server:
                assert server.get("/docs").status_code == 200
                server.stop()
            assert server.remaining_processes() == []

    @each(OPPOSITES)
    def test_installs_by_pip(self, stack: Stack, install: Install, tmp_path: Path) -> None:
        project = install(stack)
        project.run("uv", "venv", "--quiet", str(tmp_path / "venv"))
        python = str(tmp_path / "venv/bin/python")
        project.run("uv", "pip", "install", "--quiet", "--python", python, "-e", ".")
        assert "migrate" in project.run(str(tmp_path / "venv/bin/manage"), "--help")

    @each(OPPOSITES)
    def test_production_refuses_to_start_unsafe(self, stack: Stack, install: Install) -> None:
        project = install(stack)
        with pytest.raises(AssertionError, match="PUBLIC_URL") as refusal:
            project.uv_run("manage", "run", "--no-reload", ENVIRONMENT="production")
        assert "DATABASE_URL" in str(refusal.value)

    @each(OPPOSITES[:1], exhaustive=OPPOSITES)
    def test_folder_with_spaces(
        self, stack: Stack, render: Render, shared_path: Path, tmp_path: Path
    ) -> None:
        """Also use a path that is too long for a socket."""
        folder = tmp_path / "a folder with 'spaces' and ümlauts" / ("long " * 20).strip()
        shutil.copytree(render(stack).path, folder)
        project = Project(folder)
        project.sync(shared_path)
        with project.serve() as server:
            assert run_scenario(server, stack)
            server.stop()
        assert server.remaining_processes() == []


def curl_lines(readme: Path) -> list[str]:
    blocks = re.findall(r"```console\n(.+?)```", readme.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if "curl" in line]


@each(OPPOSITES)
def test_no_project_has_the_name_of_a_dependency(stack: Stack, install: Install) -> None:
    project = install(stack)
    lock = tomllib.loads((project.path / "uv.lock").read_text())
    own = tomllib.loads((project.path / "pyproject.toml").read_text())["project"]["name"]
    extensions = Environment(loader=FileSystemLoader(REPOSITORY), autoescape=False)
    listed = vars(extensions.get_template("extensions/requirements.jinja").module)["dependencies"]
    assert {package["name"] for package in lock["package"]} - {own} <= set(listed)


@contextmanager
def default_action(signum: signal.Signals) -> Iterator[None]:
    """Let processes that are started in the block not ignore a signal, as `nohup` makes them."""
    previous = signal.signal(signum, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signum, previous)


@pytest.mark.parametrize(
    ("stack", "signum"),
    list(zip(OPPOSITES, (signal.SIGKILL, signal.SIGHUP), strict=True)),
    ids=str,
)
def test_killed_or_hung_up(stack: Stack, signum: signal.Signals, install: Install) -> None:
    """Neither the worker nor PostgreSQL outlives the reloader; a used port is one sentence."""
    project = install(stack)
    with (
        default_action(signal.SIGHUP),
        project.lock(),
        project.serve_with("manage", "run") as server,
    ):
        port = server.url.rpartition(":")[2]
        with pytest.raises(AssertionError, match=f"port {port}: another process uses it"):
            project.uv_run("manage", "run", "--port", port)
        psutil.Process(server.process.pid).children()[0].send_signal(signum)
        assert server.remaining_processes() == []
