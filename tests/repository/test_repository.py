"""The repository around the template: its own code, its README and its workflows."""

import ast
import re
import subprocess
import sys

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.support.questions import load_config

pytestmark = pytest.mark.quick

README = (REPOSITORY / "README.md").read_text()
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "format", "--diff", "--quiet", "."],
        ["ruff", "check", "--quiet", "."],
        ["mypy"],
    ],
    ids=" ".join,
)
def test_own_code(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_docstrings_open_with_a_verb_or_a_noun() -> None:
    """ruff's D401 accepts these openings, after which a sentence has to be read twice."""
    avoided = re.compile(r"(What|Whether|How|Who|Whom|Whoever|Whatever)\b")
    found = [
        f"{path.relative_to(REPOSITORY)}: {docstring}"
        for folder in ("tests", "releasing", "benchmarks")
        for path in (REPOSITORY / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (docstring := ast.get_docstring(node))
        and avoided.match(docstring)
    ]
    assert found == []


def test_lock_names_no_index_but_pypi() -> None:
    lock = (REPOSITORY / "uv.lock").read_text()
    assert set(re.findall(r'registry = "(.*?)"', lock)) == {"https://pypi.org/simple"}
    assert set(re.findall(r'url = "(https?://[^/]+)', lock)) == {"https://files.pythonhosted.org"}


def test_continuous_integration_runs_the_command_of_the_readme() -> None:
    *_, command = (REPOSITORY / ".ci/run").read_text().splitlines()
    assert command == "$(command -v uv || echo python3 -m uv) run pytest"
    assert "&& uv run pytest\n" in README
    assert "run: .ci/run" in (REPOSITORY / ".github/workflows/checks.yml").read_text()


@pytest.mark.parametrize("name", ["checks", "exhaustive", "nightly"])
def test_workflows(name: str) -> None:
    workflow = (REPOSITORY / f".github/workflows/{name}.yml").read_text()
    assert "--arg-file=.ci/packages.txt" in workflow
    assert yaml.safe_load(workflow)["permissions"] == {}
    assert re.findall(r"uses: (?!\S+@[0-9a-f]{40} )", workflow) == []


def test_readme_lists_every_question_with_its_values() -> None:
    config = load_config(REPOSITORY)
    rows = {
        cells[0].strip("` "): re.findall(r"`(.+?)`", cells[1])
        for cells in (line.strip("|").split("|") for line in README.splitlines() if "|" in line)
    }
    for name, question in config.items():
        if not name.startswith("_") and question.get("when") is not False:
            default = str(question["default"]).lower()
            tokens = [str(token) for token in (question.get("choices") or {}).values()]
            values = tokens or ["true", "false"] if question["type"] != "str" or tokens else []
            assert sorted(rows[name]) == sorted(values), name
            assert rows[name][:1] == [default] * bool(values), name


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(name: str) -> None:
    text = (REPOSITORY / name).read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {"#" + heading.lower().replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\((?!https?://)(.+?)\)", text):
        assert link in anchors or (REPOSITORY / link).exists(), link


def test_contributing_lists_every_group_of_tests() -> None:
    listed = re.findall(r"^\| `tests/(\w+)`", CONTRIBUTING, re.MULTILINE)
    groups = [path.parent.name for path in REPOSITORY.glob("tests/*/__init__.py")]
    assert sorted(listed) == sorted(groups)


def test_changelog_keeps_unreleased_first() -> None:
    headings = re.findall(r"^## (.+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
