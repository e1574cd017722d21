"""The structure of the rendered code: doors, layers, import depth, names and docstrings."""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.support.checks import run_ruff
from tests.support.stacks import OPPOSITES, STACKS, Stack, each

DOORS = {
    "clock",
    "config",
    "database",
    "errors",
    "identifiers",
    "mail",
    "models",
    "principal",
    "problems",
    "repository",
    "routing",
    "schemas",
    "service",
    "tables",
    "tasks",
}
# What may be defined in several modules of `app` and `manage`.
SHARED_NAMES = {"__all__", "app", "logger", "Model", "router", "routers", "Schema"}
MAX_DEPTH = 10
MAX_MANAGE_LINES = 1600
QUESTION = re.compile(r"(?:What|Whether|How|Who|Whom|Whose|Why)\b")

Graph = Mapping[str, frozenset[str]]


@each(STACKS, quick=OPPOSITES)
class TestImports:
    def test_resource_code_uses_doors(self, stack: Stack, render: Render) -> None:
        root = render(stack).path
        resource = [
            path for path in root.glob("app/**/*.py") if is_resource(path.relative_to(root))
        ]
        used = {
            f"{path.name}: {name}"
            for path in resource
            for name in imported_modules(path)
            if name.startswith("app.core.") and name.split(".")[2] not in DOORS
        }
        assert len(resource) >= 5
        assert used == set()

    def test_kernel_imports_no_other_code(self, stack: Stack, render: Render) -> None:
        root = render(stack).path
        upward = {
            f"{path.relative_to(root)}: {name}"
            for path in root.glob("app/core/**/*.py")
            for name in imported_modules(path, everywhere=True)
            if is_upward(name)
        }
        assert upward == set()

    def test_no_cycles(self, stack: Stack, render: Render) -> None:
        assert find_cycle(import_graph(render(stack).path)) is None

    def test_routes_are_not_deep(self, stack: Stack, render: Render) -> None:
        graph = import_graph(render(stack).path)
        [routes] = [
            name for name in graph if re.fullmatch(r"app\.(articles\.routes|routes\.article)", name)
        ]
        chain = longest_chain(graph, routes)
        assert len(chain) <= MAX_DEPTH, " -> ".join(chain)

    def test_tools_are_not_imported_statically(self, stack: Stack, render: Render) -> None:
        root = render(stack).path
        assert [
            path.relative_to(root).as_posix()
            for folder in ("app", "manage", "migrations", "tests")
            for path in (root / folder).rglob("*.py")
            if any(
                name.startswith("chassis_tools") for name in imported_modules(path, everywhere=True)
            )
        ] == []

    def test_local_postgres_is_imported_lazily(self, stack: Stack, render: Render) -> None:
        graph = import_graph(render(stack).path)
        for start in ("app.main", "manage.cli"):
            assert not [
                name for name in reachable(graph, start) if name.startswith("manage.postgres")
            ]


@each(STACKS, quick=OPPOSITES)
class TestNames:
    def test_top_level_names_are_unique(self, stack: Stack, render: Render) -> None:
        places = defaultdict(set)
        for name, path in modules(render(stack).path).items():
            for defined in top_level_names(parse(path)) - SHARED_NAMES:
                places[defined].add(name)
        repeated = {name: sorted(found) for name, found in places.items() if len(found) > 1}
        assert repeated == {}

    def test_manage_is_small(self, stack: Stack, render: Render) -> None:
        files = (render(stack).path / "manage").rglob("*.py")
        assert sum(len(path.read_text().splitlines()) for path in files) <= MAX_MANAGE_LINES


@each(STACKS, quick=OPPOSITES)
class TestDocstrings:
    def test_functions_are_imperative(self, stack: Stack, render: Render) -> None:
        root = render(stack).path
        run_ruff("check", "--no-cache", "--isolated", "--select", "D401", "--quiet", ".", cwd=root)

    def test_comments_fit(self, stack: Stack, render: Render) -> None:
        """Ruff's formatter wraps code, but neither comments nor docstrings."""
        options = (
            "--select",
            "W505",
            "--config",
            "lint.pycodestyle.max-doc-length = 100",
            "--quiet",
        )
        run_ruff("check", "--no-cache", "--isolated", *options, ".", cwd=render(stack).path)

    def test_none_opens_with_a_question(self, stack: Stack, render: Render) -> None:
        root = render(stack).path
        opened = [
            f"{path.relative_to(root)}: {text.splitlines()[0]}"
            for path in root.rglob("*.py")
            for text in docstrings(parse(path))
            if QUESTION.match(text)
        ]
        assert opened == []


class TestChecks:
    """The checks above find what they look for."""

    def test_cycle(self) -> None:
        graph = {name: frozenset(names) for name, names in {"a": "b", "b": "c", "c": "a"}.items()}
        assert find_cycle(graph) == ["a", "b", "c", "a"]
        assert find_cycle({"a": frozenset("b"), "b": frozenset()}) is None

    def test_chain(self) -> None:
        graph = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset()}
        assert longest_chain(graph, "a") == ("a", "b", "c")

    def test_lazy_imports(self, tmp_path: Path) -> None:
        path = tmp_path / "module.py"
        path.write_text(
            "from typing import TYPE_CHECKING\n\nimport app.core.errors\n\n"
            "if TYPE_CHECKING:\n    from manage import cli\n\n"
            "def run() -> None:\n    from manage.postgres import local_server\n"
        )
        assert imported_modules(path) == {"typing", "typing.TYPE_CHECKING", "app.core.errors"}
        everywhere = imported_modules(path, everywhere=True)
        assert {name for name in everywhere if is_upward(name)} == {
            "manage",
            "manage.cli",
            "manage.postgres",
            "manage.postgres.local_server",
        }

    @pytest.mark.parametrize("text", ["What there is.", "Whether it is.", "How it works."])
    def test_question(self, text: str) -> None:
        assert QUESTION.match(text)
        assert not QUESTION.match(f"Return {text}")


def is_resource(path: Path) -> bool:
    """Return True for the files of the article, in either layout."""
    return "articles" in path.parts or path.stem == "article"


def is_upward(name: str) -> bool:
    """Return True if the kernel must not import a module of that name."""
    package, _, rest = name.partition(".")
    return package in {"manage", "tests", "chassis_tools"} or (
        package == "app" and rest.partition(".")[0] not in {"", "core"}
    )


@cache
def parse(path: Path) -> ast.Module:
    return parse_text(path.read_text())


@cache
def parse_text(text: str) -> ast.Module:
    """Parse a text once for all stacks that have it."""
    return ast.parse(text)


def modules(root: Path) -> dict[str, Path]:
    """Return the modules of `app` and `manage` by name."""
    found = {}
    for folder in ("app", "manage"):
        for path in sorted((root / folder).rglob("*.py")):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imported_modules(
    path: Path, *, everywhere: bool = False, known: Collection[str] = ()
) -> set[str]:
    """Return the names that a module imports when it is imported or, `everywhere`, at any time.

    `from a import b` gives both `a` and `a.b`, and only the latter if that is a known module.
    """
    nodes = ast.walk(parse(path)) if everywhere else module_level(parse(path).body)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            names.update(members if members <= set(known) else {node.module, *members})
    return names


def module_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at import, without those for type checkers."""
    for node in body:
        if isinstance(node, ast.If):
            if "TYPE_CHECKING" not in ast.dump(node.test):
                yield from module_level([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from module_level(node.body)
        else:
            yield node


def import_graph(root: Path) -> Graph:
    """Return the imports among the modules of `app` and `manage`, at module level.

    A package that only holds modules is not an import of its own.
    """
    known = modules(root)
    filled = {name for name, path in known.items() if parse(path).body}
    return {
        name: frozenset(imported_modules(path, known=known) & filled - {name})
        for name, path in known.items()
    }


def reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(graph[name])
    return seen


def find_cycle(graph: Graph) -> list[str] | None:
    """Return the modules of an import cycle, the first one repeated at its end."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        for following in sorted(graph[name]):
            if cycle := visit(following, [*path, name]):
                return cycle
        done.add(name)
        return None

    return next((cycle for name in sorted(graph) if (cycle := visit(name, []))), None)


def longest_chain(graph: Graph, start: str) -> tuple[str, ...]:
    """Return the longest chain of imports from a module, which is its first member."""

    @cache
    def chain(name: str) -> tuple[str, ...]:
        return (name, *max((chain(following) for following in graph[name]), key=len, default=()))

    longest = chain(start)
    assert all(following in graph[name] for name, following in pairwise(longest))
    return longest


def top_level_names(module: ast.Module) -> set[str]:
    """Return the names of functions, classes and variables that a module defines."""
    names: set[str] = set()
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


@cache
def docstrings(module: ast.Module) -> tuple[str, ...]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(module) if isinstance(node, kinds)]
    return tuple(text for node in nodes if (text := ast.get_docstring(node)))


# Distributions whose modules have another name. Pydantic requires one version of pydantic-core.
DISTRIBUTIONS = {"jwt": "pyjwt", "pydantic_core": "pydantic", "yaml": "pyyaml"}
OURS = {"app": "app", "chassis_tools": ".chassis", "manage": "manage", "tests": "tests"}
INSTALLED = ("app", "manage")  # In a deployment, without the development dependencies.
# Of these folders, only the tools import the modules that compare models with the database.
COMPARISON = {"alembic"}


@each(OPPOSITES)
@pytest.mark.parametrize("folder", OURS.values())
def test_imported_packages_are_declared(stack: Stack, folder: str, render: Render) -> None:
    root = render(stack).path
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    needed = settings["project"]["dependencies"]
    if folder not in INSTALLED:
        needed = needed + settings["dependency-groups"]["dev"]
    declared = {re.split(r"[^\w-]", entry)[0] for entry in needed}
    imported = {
        name.partition(".")[0]
        for path in root.glob(f"{folder}/**/*.py")
        for name in imported_modules(path, everywhere=True)
    }
    foreign = imported - sys.stdlib_module_names - OURS.keys()
    packages = {DISTRIBUTIONS.get(name, name).replace("_", "-") for name in foreign}
    assert packages - COMPARISON <= declared
