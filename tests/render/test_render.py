"""Every stack renders, without trust, to code that looks handwritten."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.support.renderings import Rendering, difference
from tests.support.renderings import render as render_to
from tests.support.stacks import BARE, OPPOSITES, STACKS, Stack, each

LEFT_OVER = re.compile(r"\{%|\{#|(?<!\$)\{\{ (?!\.)")
TOOLS = ".chassis/"
# The project's ruff passes over the tools, so that they are checked with its other settings.
TOOLS_SETTINGS = (
    "--config=extend-exclude = []",
    '--config=lint.isort.known-first-party = ["app", "chassis_tools", "manage"]',
)
LITTER = {
    "trailing space": re.compile(r"[ \t]+$", re.MULTILINE),
    "blank-line litter": re.compile(r"\n{4,}"),
    "blank lines at the start": re.compile(r"\A\n"),
    "blank lines at the end": re.compile(r"\n\n\Z"),
    "no newline at the end": re.compile(r"[^\n]\Z"),
}


# Most files are the same in many stacks: their names and texts.
FAULTLESS: set[tuple[str, str]] = set()


def ruff(folder: Path, files: Iterable[str], *arguments: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "--quiet", *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def find_faults(rendering: Rendering) -> str:
    """List what a reader or ruff would object to."""
    found = find_litter(rendering)
    texts = {
        name: text
        for name, text in rendering.texts()
        if name.endswith((".py", "pyproject.toml")) and (name, text) not in FAULTLESS
    }
    tools = [name.removeprefix(TOOLS) for name in texts if name.startswith(TOOLS)]
    others = [name for name in texts if not name.startswith(TOOLS)]
    for folder, files, settings in (("", others, ()), (TOOLS, tools, TOOLS_SETTINGS)):
        if files:
            path = rendering.path / folder
            found += [ruff(path, files, *settings, "format", "--diff")]
            found += [ruff(path, files, *settings, "check", "--output-format=concise")]
    faults = "\n".join(filter(None, found))
    if not faults:
        FAULTLESS.update(texts.items())
    return faults


def find_litter(rendering: Rendering) -> list[str]:
    found = []
    for name, text in rendering.texts():
        if tag := LEFT_OVER.search(text):
            found.append(f"left-over {text[tag.start() : tag.start() + 30]!r} in {name}")
        found += [f"{fault} in {name}" for fault, sign in LITTER.items() if sign.search(text)]
    return found


class TestRenderedCode:
    @each(
        STACKS + BARE, quick=[*STACKS, *(stack.with_answers(example=False) for stack in OPPOSITES)]
    )
    def test_looks_written_by_hand(self, stack: Stack, render: Render) -> None:
        rendering = render(stack)
        assert not (found := find_faults(rendering)), found

    @each([Stack(), Stack("sync", "per-layer", "dbmate", True, "session")])
    def test_is_the_same_every_time(
        self, stack: Stack, render: Render, checkout: Path, tmp_path: Path
    ) -> None:
        again = render_to(checkout, tmp_path / "again", stack.answers)
        assert again.files() == render(stack).files()

    @each(BARE)
    def test_without_the_example_has_no_trace_of_it(self, stack: Stack, render: Render) -> None:
        rendering = render(stack)
        traces = [
            name
            for name, text in rendering.texts()
            if "article" in name
            or (
                name.endswith(".py")
                and re.search("(?<!indefinite[_ ])article", text, re.IGNORECASE)
            )
        ]
        assert traces == []


def without_imports_of_places(name: str, text: str, places: dict[str, str]) -> str:
    """Replace import paths with roles and sort the imports, so that layouts can be compared."""
    for place, role in places.items():
        if not role.endswith(".registry"):  # imported as `app.models` in both layouts
            text = text.replace(place.replace("/", "."), role)
    lines = text.split("\n")
    if name.endswith(".py"):
        imports = sorted(line for line in lines if line.startswith("from "))
        lines = imports + [line for line in lines if not line.startswith("from ")]
    return "\n".join(lines)


def group_by_role(rendering: Rendering) -> dict[str, str]:
    """Return the files by entity and role instead of by path."""
    places = {
        f"{root}/{place}": f"{root}:{entity}.{role}"
        for root, answer in (("app", "at"), ("tests", "test_at"))
        for entity, roles in rendering.answers[answer].items()
        for role, place in (roles if isinstance(roles, dict) else {"registry": roles}).items()
    }
    longest_first = dict(sorted(places.items(), key=lambda item: -len(item[0])))
    files = {}
    for name, text in rendering.texts():
        if not (name.endswith("__init__.py") and text == "") and name not in UNLIKE:
            place = next((p for p in longest_first if re.match(rf"{p}[._]", name)), "")
            role = places.get(place, "") + name.removeprefix(place)
            files[role] = without_imports_of_places(name, text, longest_first)
    return files


# Files that describe the layout or record the answer.
UNLIKE = {".copier-answers.yml", "README.md", ".chassis/answers.json"}


@each(
    [stack for stack in STACKS if stack.layout == "per-entity"],
    quick=[Stack(), Stack("sync", "per-entity", "dbmate", True, "session")],
)
def test_layouts_hold_the_same_code(stack: Stack, render: Render) -> None:
    per_entity = group_by_role(render(stack))
    per_layer = group_by_role(render(stack.with_answers(layout="per-layer")))
    assert sorted(per_entity) == sorted(per_layer)
    for name, text in per_entity.items():
        assert not (found := difference(text, per_layer[name])), f"{name}\n{found}"


@pytest.mark.quick
@pytest.mark.parametrize("layout", ["per-entity", "per-layer"])
@pytest.mark.parametrize("concurrency", ["async", "sync"])
def test_resource_code_knows_neither_tenancy_nor_auth_nor_migrations(
    concurrency: str, layout: str, render: Render
) -> None:
    """Resource code belongs to the team, and these answers may change later."""
    like = Stack(concurrency, layout)
    first, *others = [
        {name: text for name, text in render(stack).texts() if is_resource(name)}
        for stack in STACKS
        if (stack.concurrency, stack.layout) == (concurrency, layout)
    ]
    assert len(first) >= len(render(like).answers["at"]["article"])
    for other in others:
        assert sorted(other) == sorted(first)
        for name, text in first.items():
            assert not (found := difference(text, other[name])), f"{name}\n{found}"


def is_resource(name: str) -> bool:
    return name.startswith("app/") and "article" in name and not name.endswith("__init__.py")


@each(OPPOSITES)
def test_each_setting_is_in_the_example(stack: Stack, render: Render) -> None:
    root = render(stack).path
    module = ast.parse((root / "app/core/config.py").read_text())
    [settings] = [node for node in module.body if getattr(node, "name", "") == "CoreSettings"]
    fields = {
        node.target.id.upper()
        for node in ast.walk(settings)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    listed = re.findall(r"^#([A-Z_]+)=", (root / ".env.example").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(fields)
