"""The command `manage make`: output, files, errors, and what a kill leaves."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from chassis_tools.scaffolding.journal import FOLDER, compute_digest

from tests.conftest import Install, Render
from tests.support.requirements import require_program
from tests.support.scaffolds import MANAGE, Scaffold
from tests.support.stacks import OPPOSITES, Stack

ORDER = ("make", "order", "number:int,unique", "--owned", "--yes")
MODELS = "scaffold/app/NAMES/models.py.jinja"
BROKEN = {
    "name": ("\n{{ nme }}\n", "fails on line 2: 'nme' is undefined"),
    "tag": ("\n{% if owned %}\n", "fails on line 2: Unexpected end"),
    "expression": ("{{ name + 1 }}\n", "fails on line 1: can only concatenate str"),
    "encoding": ("# Größe\n", "fails: 'utf-8' codec can't decode byte 0xf6"),
    "Python": ("class {{ name }}\n", "renders invalid Python: Failed to parse"),
}
REFUSED = [
    ("make", "../evil"),
    ("make", "order", "title:str\n"),
    ("make", "order", "title:'\"\\"),
    ("make", "order", "buyer:ref:buyer"),
    ("make", "article", "title:str"),
]

# Runs another command while this one plans, before it reads the registries.
OVERTAKEN = """
import subprocess, sys
from manage.cli import main
from chassis_tools.scaffolding import creation

def plan_registrations(*arguments):
    command = ["-c", "from manage.cli import main; main()", "make", "line", "number:int", "--yes"]
    subprocess.run([sys.executable, *command], check=True)
    return original(*arguments)

original, creation.plan_registrations = creation.plan_registrations, plan_registrations
main()
"""


@pytest.fixture
def scaffold(install: Install, render: Render, tmp_path: Path) -> Scaffold:
    stack = OPPOSITES[0]
    return Scaffold.copy(install(stack), render(stack).path, tmp_path / "project")


class TestShown:
    @pytest.mark.quick
    def test_rehearsal_shows_the_tree_and_the_patch_and_writes_nothing(
        self, scaffold: Scaffold
    ) -> None:
        before = scaffold.tree()
        shown = scaffold.manage(*ORDER, "--no-migration", "--dry-run")
        assert scaffold.tree() == before
        made = scaffold.manage(*ORDER, "--no-migration").splitlines()[:-1]
        now = scaffold.tree()
        changed = [f"change {name}" for name in before if now[name] != before[name]]
        created = {f"create {name}" for name in now.keys() - before.keys()}
        assert {*changed, *created} >= {*made} == {*shown.splitlines()[: len(made)]}
        assert len(changed) == 2
        assert re.search(
            r"^\+    number: Mapped\[int\] = mapped_column\(unique=True\)$", shown, re.MULTILINE
        )

    @pytest.mark.quick
    def test_again_is_no_change(self, scaffold: Scaffold) -> None:
        scaffold.manage(*ORDER)
        before = scaffold.tree()
        assert "nothing to do" in scaffold.manage(*ORDER)
        assert scaffold.tree() == before

    @pytest.mark.quick
    def test_what_comes_next(self, scaffold: Scaffold) -> None:
        told = scaffold.manage("make", "order_line", "number:int").splitlines()[-1]
        assert told.startswith(
            "Created order_line. Run `uv run manage migrate apply` to create its table; "
        )
        assert told.endswith("then GET /api/v1/order-lines works.")

    def test_another_resource_of_that_name_is_refused(self, scaffold: Scaffold) -> None:
        scaffold.manage(*ORDER)
        assert "already exists" in scaffold.refusal("make", "order", "number:bigint")


class TestWithoutRoutes:
    @pytest.mark.quick
    @pytest.mark.parametrize("stack", OPPOSITES, ids=str)
    def test_files(self, install: Install, render: Render, tmp_path: Path, stack: Stack) -> None:
        scaffold = Scaffold.copy(install(stack), render(stack).path, tmp_path / "project")
        shown = scaffold.manage("make", "order", "number:int", "--no-routes", "--dry-run")
        paths = {*re.findall(r"^(?:create|change) (\S+)$", shown, re.MULTILINE)}
        assert not [path for path in paths if "routes" in path or "service" in path]
        tests = {"tests/orders/test_repository.py", "tests/repositories/test_order.py"}
        assert len(paths & tests) == 1

    @pytest.mark.quick
    def test_what_comes_next(self, scaffold: Scaffold) -> None:
        command = ("make", "order", "number:int", "--no-routes", "--yes")
        told = scaffold.manage(*command, "--no-migration").splitlines()[-1]
        assert told == "Created order."
        assert "nothing to do" in scaffold.manage(*command, "--no-migration")
        scaffold.manage("make", "order_line", "order:ref:order", "--yes")
        assert "is used by" in scaffold.refusal("remove", "order", "--yes")

    @pytest.mark.quick
    def test_reads_need_routes(self, scaffold: Scaffold) -> None:
        refusal = scaffold.refusal("make", "order", "--read-public", "--no-routes")
        assert refusal == "--read-public cannot be combined with --no-routes"


class TestWrittenByRole:
    @pytest.mark.quick
    @pytest.mark.parametrize("stack", OPPOSITES, ids=str)
    def test_roles_of_the_project(
        self, install: Install, render: Render, tmp_path: Path, stack: Stack
    ) -> None:
        scaffold = Scaffold.copy(install(stack), render(stack).path, tmp_path / "project")
        command = ("make", "order", "number:int", "--write", "manager", "--dry-run")
        schemas = f"app/{'users/schemas' if stack.layout == 'per-entity' else 'schemas/user'}.py"
        refusal = scaffold.refusal(*command)
        assert refusal.startswith(
            "There is no role 'manager': the roles are user, admin; add another one to Role in "
            f"{schemas} and to the CHECK in {schemas.replace('schemas', 'models')}, "
        )
        path = scaffold.path / schemas
        path.write_text(path.read_text().replace('["user", "admin"]', '["user", "manager"]'))
        assert '+Writer = Annotated[Principal, Depends(require_role("manager"))]' in (
            scaffold.manage(*command)
        )
        shown = scaffold.manage("make", "order", "--write", "user", "--dry-run")
        assert 'require_role("user")' in shown
        assert "writer_client" not in shown
        path.write_text(path.read_text().replace("Role = ", "Roles = "))
        assert scaffold.refusal(*command).startswith("The roles are unknown: ")

    @pytest.mark.quick
    @pytest.mark.parametrize("option", ["--owned", "--no-routes"])
    def test_refused(self, scaffold: Scaffold, option: str) -> None:
        refusal = scaffold.refusal("make", "order", "--write", "admin", option)
        assert refusal.startswith(f"--write cannot be combined with {option}")


class TestTemplates:
    def test_edited_one_changes_what_is_made(self, scaffold: Scaffold) -> None:
        template = scaffold.path / MODELS
        template.write_text(f'"""Models of {{{{ plural_words }}}}."""\n\n{template.read_text()}')
        scaffold.write("scaffold/docs/NAMES.md.jinja", "# {{ plural_words }}\n")
        scaffold.manage(*ORDER)
        model = (scaffold.path / "app/orders/models.py").read_text()
        assert model.startswith('"""Models of orders."""\n\nfrom ')
        assert (scaffold.path / "docs/orders.md").read_text() == "# orders\n"

    @pytest.mark.parametrize(("text", "why"), BROKEN.values(), ids=BROKEN)
    def test_broken_one_is_named(self, scaffold: Scaffold, text: str, why: str) -> None:
        (scaffold.path / MODELS).write_bytes(text.encode("latin-1"))
        assert f"The template {MODELS} {why}" in scaffold.refusal(*ORDER)

    def test_fixed_target(self, scaffold: Scaffold) -> None:
        scaffold.write("scaffold/docs/api.md.jinja", "# {{ plural_words }}\n")
        refusal = scaffold.refusal(*ORDER)
        assert refusal.startswith("Every resource would write docs/api.md from the template")

    def test_without_routes(self, scaffold: Scaffold) -> None:
        (scaffold.path / "scaffold/app/NAMES/routes.py.jinja").unlink()
        assert "GET" not in scaffold.manage("make", "order_line", "number:int")

    def test_none_at_all(self, scaffold: Scaffold) -> None:
        (scaffold.path / "scaffold").rename(scaffold.path / "elsewhere")
        assert "no templates" in scaffold.refusal(*ORDER)


class TestRefused:
    @pytest.mark.quick
    def test_in_a_sentence(self, scaffold: Scaffold) -> None:
        for words in REFUSED:
            assert scaffold.refusal(*words)

    def test_file_in_the_way(self, scaffold: Scaffold) -> None:
        scaffold.write("app/orders/models.py", "# ours\n")
        assert "app/orders/models.py already exists" in scaffold.refusal(*ORDER)

    def test_file_where_a_folder_goes(self, scaffold: Scaffold) -> None:
        scaffold.write("app/orders", "ours\n")
        assert "app/orders is not a folder" in scaffold.refusal(*ORDER)

    @pytest.mark.parametrize("target", ["..", "nowhere"])
    def test_link_that_leads_out(self, scaffold: Scaffold, target: str) -> None:
        (scaffold.path / "app/orders").symlink_to(scaffold.path.parent / target)
        assert scaffold.refusal(*ORDER)

    def test_registry_that_cannot_be_edited(self, scaffold: Scaffold) -> None:
        scaffold.write("app/routes.py", "routers = list(find_routers())\n")
        assert "cannot be edited" in scaffold.refusal(*ORDER)

    def test_registry_in_another_encoding(self, scaffold: Scaffold) -> None:
        (scaffold.path / "app/models.py").write_bytes(b"# Gr\xf6\xdfe\n__all__ = []\n")
        assert "is not encoded in UTF-8" in scaffold.refusal(*ORDER)

    def test_folder_to_read_only(self, scaffold: Scaffold, tmp_path: Path) -> None:
        (scaffold.path / "app").chmod(0o555)
        sentence = bound_by_modes(scaffold, tmp_path).refusal(*ORDER)
        (scaffold.path / "app").chmod(0o755)
        assert "nothing was changed" in sentence

    @pytest.mark.quick
    def test_journal_of_somebody_else(self, scaffold: Scaffold) -> None:
        body = json.dumps([[], [["../mine", None, "yours", 0o4755]]])
        scaffold.write(f"{FOLDER}/journal", f"{compute_digest(body)}\n{body}")
        assert f"delete {FOLDER}" in scaffold.refusal(*ORDER, "--dry-run")
        assert not (scaffold.path.parent / "mine").exists()


class TestAtOnce:
    """Concurrent commands write migrations that form one line."""

    @pytest.mark.parametrize("stack", OPPOSITES, ids=str)
    def test_plan_of_before_is_refused(
        self, install: Install, render: Render, tmp_path: Path, stack: Stack
    ) -> None:
        scaffold = Scaffold.copy(install(stack), render(stack).path, tmp_path / "project")
        done = scaffold.run("-c", OVERTAKEN, "make", "order", "number:int", "--yes")
        assert done.stderr == (
            "Error: Another process changed the migrations; run the command again\n"
        )
        assert done.returncode == 1
        assert "orders" in scaffold.manage(*ORDER)
        assert len({path.name[:14] for path in scaffold.path.glob("migrations/app/[2-9]*")}) == 2

    def test_many_make_one_line(self, scaffold: Scaffold) -> None:
        commands = {f"thing{n}": ("make", f"thing{n}", "number:int", "--yes") for n in range(6)}
        processes = {name: scaffold.start(*MANAGE, *command) for name, command in commands.items()}
        errors = {name: process.communicate()[1] for name, process in processes.items()}
        assert any(process.returncode == 0 for process in processes.values())
        for name, process in processes.items():
            if process.returncode == 0:
                assert "nothing to do" in scaffold.manage(*commands[name])
                continue
            assert re.fullmatch(r"Error: [^\n]* again[^\n]*\n", errors[name])
            assert not [path for path in scaffold.tree() if name in path]
        for command in commands.values():
            scaffold.manage(*command)
        assert scaffold.run("-m", "alembic", "heads").stdout.count("(head)") == 1


def bound_by_modes(scaffold: Scaffold, folder: Path) -> Scaffold:
    """Return a scaffold whose process obeys file modes, even when run by root."""
    if os.geteuid() != 0:
        return scaffold
    python = folder / "python"
    lacking = f"{require_program('setpriv')} --bounding-set=-dac_override --inh-caps=-dac_override"
    python.write_text(f'#!/bin/sh\nexec {lacking} {scaffold.python} "$@"\n')
    python.chmod(0o755)
    return replace(scaffold, python=python)


class TestKilled:
    """The command is killed after some time; other tests kill `ChangeSet` at each step."""

    @pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["process", "group"])
    def test_tree_is_as_before_or_as_after(
        self, scaffold: Scaffold, kill: Callable[[int, int], None]
    ) -> None:
        command = ("make", "order", "number:int", "--no-migration")
        before = scaffold.tree()
        start = time.monotonic()
        scaffold.manage(*command)
        seconds, after = time.monotonic() - start, scaffold.tree()
        for moment in (0.75, 0.85, 0.95):
            if scaffold.tree() == after:
                scaffold.manage("remove", "order", "--yes")
            with scaffold.start(*MANAGE, *command) as process:
                time.sleep(moment * seconds)
                kill(process.pid, signal.SIGKILL)
            scaffold.manage(*command, "--dry-run")
            assert scaffold.tree() in (before, after)
