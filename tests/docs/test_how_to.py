"""The how-to guides, with the code that they print."""

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Render
from tests.support.api_session import ApiSession, register
from tests.support.checks import check_types
from tests.support.guides import GUIDES, files_of, first_block, sql_of, without_async
from tests.support.projects import Project
from tests.support.stacks import Stack, each

STACKS = [
    Stack("async", "per-entity", "alembic", True, "jwt"),
    Stack("sync", "per-layer", "dbmate", True, "session"),
]
CHECKS = (
    "pytest",
    "--quiet",
    "tests/core/tenancy/test_row_security.py",
    "tests/core/test_migrations.py",
)

# Creates a second database on the local server, as an administrator does.
MAKE_DATABASE = """
from pathlib import Path
from manage.postgres import get_local_server
server = get_local_server()
server.ensure_database("remote")
server.run_sql(Path("migrations/roles.sql").read_text(), database="remote")
print(server.get_database_url("postgresql", "remote"))
server.release()
"""


@pytest.fixture
def project(stack: Stack, render: Render, shared_path: Path, tmp_path: Path) -> Project:
    """Return an installed project that the test may change."""
    path = tmp_path / "project"
    shutil.copytree(render(stack).path, path)
    project = Project(path)
    project.sync(shared_path)
    return project


@each(STACKS[:1], exhaustive=STACKS)
def test_protect_a_table(stack: Stack, project: Project) -> None:
    project.uv_run("manage", "migrate", "apply")
    printed = project.uv_run("manage", "migrate", "create", "--empty", "-m", "create notes")
    migration = Path(re.findall(r"Wrote (.+)", printed)[0])
    empty = migration.read_text()
    statements = sql_of(GUIDES / "protect-a-table.md")

    migration.write_text(fill_migration(empty, statements))
    project.uv_run("manage", "migrate", "apply")
    with pytest.raises(AssertionError, match="would write"):
        project.uv_run(*CHECKS)
    name_raw_table(project, stack)
    project.uv_run(*CHECKS)

    project.uv_run("manage", "migrate", "rollback")
    forgetful = [sql for sql in statements if "ROW LEVEL" not in sql]
    migration.write_text(fill_migration(empty, forgetful))
    project.uv_run("manage", "migrate", "apply")
    catalog = ("pytest", "--quiet", "tests/core/tenancy/test_row_security.py", "-k", "every_table")
    for command in (catalog, ("manage", "run", "--no-reload")):
        with pytest.raises(AssertionError, match="notes lacks ENABLE or FORCE ROW LEVEL SECURITY"):
            project.uv_run(*command)


def fill_migration(empty: str, statements: list[str]) -> str:
    """Return an empty migration, in Python or SQL, with the statements added."""
    if empty.startswith("-- migrate:up"):
        up = "".join(f"{sql};\n" for sql in statements)
        return f"-- migrate:up\n{up}\n-- migrate:down\nDROP TABLE notes;\n"
    up = "".join(f'    op.execute("""{sql}""")\n' for sql in statements)
    return empty.replace("    pass\n", up, 1).replace("pass", 'op.execute("DROP TABLE notes")')


def name_raw_table(project: Project, stack: Stack) -> None:
    module = "models.py" if stack.layout == "per-entity" else "models/__init__.py"
    with (project.path / "app" / module).open("a") as registry:
        registry.write("\nfrom app.core.models import Base\n")
        registry.write('\nBase.metadata.info["raw_tables"] = {"notes"}\n')


@each(STACKS[:1], exhaustive=STACKS)
def test_on_a_server(stack: Stack, project: Project) -> None:
    with project.postgres():
        administrator = project.uv_run("python", "-c", MAKE_DATABASE).split()[-1]
        serving, owner = (
            administrator.replace("postgres@", f"{role}@") for role in ("app_user", "app_owner")
        )

        def run(*command: str, serve_as: str = serving) -> str:
            roles = {"DATABASE_URL": serve_as, "MIGRATION_DATABASE_URL": owner}
            return project.uv_run(*command, timeout=120, **roles)

        with pytest.raises(AssertionError, match="MIGRATION_DATABASE_URL is not set"):
            project.uv_run("manage", "migrate", "apply", DATABASE_URL=serving)
        run("manage", "migrate", "apply")
        run("manage", "seed")
        for role, reason in ((administrator, "is a superuser"), (owner, "owns tables")):
            for command in (("manage", "run", "--no-reload"), ("uvicorn", "app.main:app")):
                with pytest.raises(AssertionError, match=reason):
                    run(*command, "--port", "0", serve_as=role)
        with (
            project.serve(DATABASE_URL=serving, MIGRATION_DATABASE_URL=owner) as server,
            ApiSession(server) as session,
        ):
            assert register(session, stack, "ann@example.org", "Acme").request("GET", "/users", 200)
            script = first_block(GUIDES / "serve-several-tenants.md", "python")
            if stack.concurrency == "sync":
                script = script.replace("async ", "").replace("await ", "")
            assert "[{'articles': 0}]" in run("python", "-c", script)


@each([Stack()], exhaustive=[Stack("sync", "per-layer", "dbmate", False, "session")])
def test_extend_the_kernel(stack: Stack, project: Project, shared_path: Path) -> None:
    for path, code in files_of(GUIDES / "extend-the-kernel.md").items():
        if stack.concurrency == "sync":
            code = without_async(code)
        (project.path / path).write_text(code)
    project.uv_run("ruff", "check", "app")
    project.uv_run("ruff", "format", "--check", "app")
    check_types(project, shared_path)
    with project.serve(REGION="mars") as server:
        assert server.get("/health/ready").status_code == 200
        assert "gzip" in server.get("/openapi.json").headers["content-encoding"]
        assert "region=mars" in server.output()
        server.stop()
