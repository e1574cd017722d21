"""Resources that two branches in git make independently of each other."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chassis_tools.scaffolding.project import next_version

from tests.conftest import Install, Render
from tests.support.scaffolds import Scaffold
from tests.support.stacks import OPPOSITES, Stack, each


@pytest.mark.quick
class TestVersions:
    def test_of_two_branches(self, tmp_path: Path) -> None:
        """Branches differ even if the newest migration is ahead of the clock."""
        (tmp_path / "29990101000000_create_orders.sql").touch()
        versions = {next_version(tmp_path) for _ in range(10)}
        assert len(versions) > 5
        assert all("29990101000000" < version < "29990101002000" for version in versions)

    def test_within_a_second(self, tmp_path: Path) -> None:
        times = [datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (30, 31)]
        newest, following = (time.strftime("%Y%m%d%H%M%S") for time in times)
        (tmp_path / f"{newest}_create_orders.sql").touch()
        assert next_version(tmp_path) == following

    @pytest.mark.parametrize("version", ["0001", "20261399000000"])
    def test_of_another_scheme(self, tmp_path: Path, version: str) -> None:
        (tmp_path / f"{version}_create_orders.py").touch()
        assert next_version(tmp_path).startswith(f"{datetime.now(UTC):%Y}")


@each(OPPOSITES)
def test_first_resources_of_two_branches(
    stack: Stack, install: Install, render: Render, tmp_path: Path
) -> None:
    rendered = render(stack.with_answers(example=False)).path
    scaffold = Scaffold.copy(install(stack), rendered, tmp_path / "project")
    scaffold.git("init", "--quiet")
    scaffold.git("add", "--all")
    scaffold.git("commit", "--quiet", "--message", "Start")
    for name in ("order", "invoice"):
        scaffold.git("switch", "--quiet", "--create", name)
        scaffold.manage("make", name, "number:int")
        scaffold.git("add", "--all")
        scaffold.git("commit", "--quiet", "--message", name)
        scaffold.git("switch", "--quiet", "--detach", "HEAD~")

    scaffold.git("switch", "--quiet", "order")
    scaffold.git("merge", "--quiet", "--no-edit", "invoice")
    if stack.migrations == "alembic":
        # Neither is the newest, so that removing one writes a migration.
        assert "several heads" in scaffold.refusal("remove", "order", "--yes")
        _, _, command = scaffold.refusal("make", "memo").partition("`uv run alembic ")
        scaffold.check("alembic", *command.strip("`").split())

    scaffold.check("pytest", "-q", "tests/core/test_migrations.py")
    scaffold.check("ruff", "check", "--fix", "--quiet", ".")
    folder = scaffold.path / "migrations/app"
    for title in ("create_orders", "create_invoices"):
        assert len(list(folder.glob(f"*_{title}.*"))) == 1
    routers = (scaffold.path / f"app/{rendering_place(stack)}.py").read_text()
    assert "    orders,\n" in routers
    assert "    invoices,\n" in routers


def rendering_place(stack: Stack) -> str:
    """Return the place of the registry of routers in `app/`."""
    return "routes" if stack.layout == "per-entity" else "routes/__init__"
