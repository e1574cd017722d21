"""Project names, destination folders, and answers that must be rejected."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from _pytest.mark import ParameterSet
from pytest_copie.plugin import Copie

from tests.render.test_render import find_faults
from tests.support.copier_speed import fast_copier
from tests.support.renderings import Rendering, copy_checkout, git

NAMES = [
    "X",
    "Order",
    "A" * 100,
    "B" * 70,
    "An uncommonly long-winded name for a service that never quite seems to get to its very end",
    "Kim's shop",
    'Say "hi"',
    'Kim\'s "best" API',
    "v1.2 beta.",
    "Größe für Übermorgen",
    "1st service",
    "2048",
    "データ API",
    "Ωμέγα",
    "---",
    "100% legit & C++ #1",
    "$HOME `whoami`",
    "key: value # not YAML",
    "true",
    "FastAPI",
    "pytest",
    "Redis",
]
REFUSED = {
    "empty name": ("project_name=", "name is empty"),
    "blank name": ("project_name=   ", "name is empty"),
    "long name": (f"project_name={'A' * 101}", "101 characters"),
    "line break": ("project_name=one\ntwo", "control character"),
    "bell": ("project_name=one\atwo", "control character"),
    "backslash": ("project_name=one\\two", "backslash"),
    "brace": ("project_name={one}", "brace"),
    "long description": (f"description={'A' * 301}", "301 characters"),
    "tab": ("description=one\ttwo", "control character"),
    "concurrency": ("concurrency=threads", "async or sync"),
    "layout": ("layout=per_layer", "per-entity or per-layer"),
    "migrations": ("migrations=flyway", "alembic or dbmate"),
    "auth": ("auth=saml", "jwt or session"),
    "capital letters": ("auth=JWT", "jwt or session"),
    "typing error in a boolean": ("multi_tenancy=flase", "multi_tenancy"),
    "not a boolean": ("example=maybe", "example"),
    "misspelled question": ("concurency=sync", "concurency"),
}
# One for each kind of check.
REFUSED_QUICKLY = {"empty name", "tab", "auth", "not a boolean", "misspelled question"}

NAMING = re.compile("project_name|project_slug|description|_copier_conf")

Copy = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def template(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the checkout without the files that contain no name."""
    path = tmp_path_factory.mktemp("names") / "template"
    copy_checkout(checkout, path)
    for file in (path / "template").rglob("*"):
        if file.is_file() and not NAMING.search(f"{file.name} {file.read_text()}"):
            file.unlink()
    git(path, "commit", "--quiet", "--all", "--message", "Names")
    return path


@pytest.fixture
def copy(template: Path, tmp_path: Path) -> Copy:
    """Return a function that runs `copier copy` in an empty folder."""

    def run(target: str, *options: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "copier", "copy", "--defaults", "--vcs-ref=HEAD"]
        return subprocess.run(
            [*command, *options, str(template), target],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def answers_of(project: Path) -> dict[str, object]:
    answers: dict[str, object] = yaml.safe_load((project / ".copier-answers.yml").read_text())
    return answers


def strings_of(project: Path) -> set[object]:
    """Collect the string literals in the rendered code."""
    return {
        node.value
        for path in project.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
    }


def packages_needed(settings: dict[str, Any]) -> set[str]:
    """Return the names that uv rejects for a project, because it would depend on itself."""
    needed = settings["project"]["dependencies"] + settings["dependency-groups"]["dev"]
    return {re.split(r"[^\w.-]", entry)[0] for entry in needed if isinstance(entry, str)}


def mark_quick(name: str) -> ParameterSet:
    is_quick = name in {NAMES[2], 'Kim\'s "best" API', "Größe für Übermorgen"}
    return pytest.param(name, marks=[pytest.mark.quick] * is_quick)


class TestAccepted:
    @pytest.fixture(autouse=True)
    def fast_renderings(self) -> Iterator[None]:
        with fast_copier():
            yield

    @pytest.mark.parametrize("name", [mark_quick(name) for name in NAMES])
    def test_name_arrives_unharmed(self, name: str, copie: Copie, template: Path) -> None:
        description = f"About {name}"
        result = copie.copy(
            {"project_name": name, "description": description}, template_dir=template
        )
        assert result.exception is None
        project = result.project_dir
        assert project is not None
        settings = tomllib.loads((project / "pyproject.toml").read_text())
        assert settings["project"]["description"] == description
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", settings["project"]["name"])
        assert settings["project"]["name"] not in packages_needed(settings)
        assert answers_of(project)["project_name"] == name
        assert {name, description} <= strings_of(project)
        assert name in (project / "README.md").read_text()
        assert not (found := find_faults(Rendering(project, {}))), found

    @pytest.mark.parametrize(
        ("folder", "name"),
        [
            ("shop", "Shop"),
            ("order-service", "Order service"),
            ("order_service", "Order service"),
            ("order  service", "Order service"),
            ("2nd try", "2nd try"),
            ("größe", "Größe"),
        ],
    )
    def test_name_comes_from_the_folder(
        self, folder: str, name: str, copy: Copy, tmp_path: Path
    ) -> None:
        done = copy(folder)
        assert done.returncode == 0, done.stderr
        assert answers_of(tmp_path / folder)["project_name"] == name


class TestDestination:
    def test_closing_message_names_the_next_commands(self, copy: Copy, tmp_path: Path) -> None:
        done = copy("nested/order service")
        assert done.returncode == 0, done.stderr
        assert 'cd "nested/order service"' in done.stderr
        assert "uv run manage run" in done.stderr

    def test_existing_folder_keeps_its_files(self, copy: Copy, tmp_path: Path) -> None:
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop/notes.txt").write_text("mine")
        done = copy("shop")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "shop/notes.txt").read_text() == "mine"
        assert (tmp_path / "shop/pyproject.toml").exists()

    def test_existing_file_is_not_overwritten_unasked(self, copy: Copy, tmp_path: Path) -> None:
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop/README.md").write_text("mine")
        copy("shop")
        assert (tmp_path / "shop/README.md").read_text() == "mine"


class TestRefused:
    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            pytest.param(*values, id=name, marks=[pytest.mark.quick] * (name in REFUSED_QUICKLY))
            for name, values in REFUSED.items()
        ],
    )
    def test_bad_answer_gets_one_plain_sentence(
        self, answer: str, sentence: str, copy: Copy, tmp_path: Path
    ) -> None:
        done = copy("shop", "--data", answer)
        assert done.returncode != 0
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
        assert len([line for line in done.stderr.splitlines() if line.strip()]) <= 2
        assert not (tmp_path / "shop").exists()
