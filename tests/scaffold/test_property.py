"""Property test: `manage make` fails with a message, or its files pass all checks."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, seed, settings

from tests.conftest import REPOSITORY, Install, Render
from tests.support.checks import copy_mypy_cache
from tests.support.scaffolds import Scaffold
from tests.support.stacks import OPPOSITES, Stack, each
from tests.support.strategies import EVERY_TYPE, MakeRequest, make_requests

SCAFFOLDER = REPOSITORY / "tests" / "support" / "in_project" / "scaffolder.py"
# Without it the draws would depend on the text of the test, and change when something is renamed.
SEED = int(
    "de9b0e26210ed25621f9c594013bf3551a59877afca22a12"
    "dd26521e51bbaa1b667dbab0cfa2eb50c9445c2fc5fcd24f",
    base=16,
)
# Set SCAFFOLD_DRAWS for a longer search.
DRAWS = int(os.environ.get("SCAFFOLD_DRAWS", "12"))


@dataclass
class Maker:
    """Runs the drawn requests in one project."""

    scaffold: Scaffold
    process: "subprocess.Popen[str]"
    made: list[str] = field(default_factory=lambda: ["user"])
    refused: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)

    def make(self, request: MakeRequest) -> None:
        request = request.with_references(self.made)
        before = self.scaffold.tree()
        answer = self.ask(asdict(request))
        if "refused" in answer:
            assert self.scaffold.tree() == before
            check_sentence(answer["refused"])
            self.refused.append(answer["refused"])
        elif answer["made"]:
            self.made.append(request.name)
            self.tests += [path for path in answer["made"] if "/test_" in path]

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, f"no answer to {request}"
        answer: dict[str, Any] = json.loads(line)
        return answer


def check_sentence(sentence: str) -> None:
    assert sentence.isprintable()
    assert sentence.strip() == sentence
    assert not sentence.endswith(".")


@contextmanager
def start_maker(scaffold: Scaffold) -> Iterator[Maker]:
    path = str(scaffold.path)
    with subprocess.Popen(
        [scaffold.python, SCAFFOLDER],
        cwd=path,
        env=scaffold.environment | {"PYTHONPATH": f"{path}{os.pathsep}{path}/.chassis"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Maker(scaffold, process)
        assert process.stdin
        process.stdin.close()


@each(OPPOSITES[:1], exhaustive=OPPOSITES)
def test_what_is_made_passes_and_what_is_refused_changes_nothing(
    stack: Stack, install: Install, render: Render, shared_path: Path, tmp_path: Path
) -> None:
    """Make all resources in one project, with references to earlier ones."""
    scaffold = Scaffold.copy(install(stack), render(stack).path, tmp_path / "project")
    with start_maker(scaffold) as project:

        @example(EVERY_TYPE)
        @seed(SEED)
        @given(make_requests())
        @settings(
            max_examples=DRAWS,
            derandomize=True,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def make(request: MakeRequest) -> None:
            project.make(request)

        make()

    assert EVERY_TYPE.name in project.made
    assert len(project.made) > DRAWS / 4
    assert len(project.refused) > DRAWS / 8
    scaffold.check("ruff", "format", "--check", ".")
    scaffold.check("ruff", "check", ".")
    scaffold.check("mypy", f"--cache-dir={copy_mypy_cache(shared_path, tmp_path)}")
    scaffold.check("pytest", "-q", "tests/core/test_migrations.py", *project.tests)
