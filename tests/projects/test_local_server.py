"""The local PostgreSQL starts from each entry point, in local environments without DATABASE_URL."""

from tests.conftest import Install
from tests.support.stacks import OPPOSITES, Stack, each

SELECT = """
from sqlalchemy import text
from app.settings import get_settings
from manage.connection import run_on_connection

url = get_settings().resolve_database_url()
print("answer:", run_on_connection(url, lambda connection: connection.scalar(text("SELECT 6 * 7"))))
"""
RESOLVE = """
import sys
import app.main
from app.settings import get_settings

print("user:", get_settings().resolve_database_url().username)
lazy = ("manage.postgres", "manage.local_database")
print("loaded:", [name for name in sys.modules if name.startswith(lazy)])
"""


MIGRATE = ("manage", "migrate", "apply")


@each(OPPOSITES)
class TestFreshProject:
    """`manage run` and `fastapi dev` are tested with served projects."""

    def test_script_with_the_settings(self, stack: Stack, install: Install) -> None:
        assert "answer: 42" in run_without_server(install, stack, "python", "-c", SELECT)

    def test_pytest(self, stack: Stack, install: Install) -> None:
        assert " passed" in run_without_server(
            install, stack, "pytest", "-q", "tests/core/test_health.py"
        )

    def test_migrations(self, stack: Stack, install: Install) -> None:
        """Run Alembic's own command; dbmate's migrations are run by `manage`."""
        command = ("alembic", "upgrade", "heads") if stack.migrations == "alembic" else MIGRATE
        run_without_server(install, stack, *command)


@each(OPPOSITES)
def test_not_loaded_with_a_database_url(stack: Stack, install: Install) -> None:
    project = install(stack)
    url = "postgresql://somebody@db.example.org/app"
    printed = project.uv_run("python", "-c", RESOLVE, DATABASE_URL=url, MIGRATION_DATABASE_URL=url)
    assert "user: somebody\nloaded: []" in printed


def run_without_server(install: Install, stack: Stack, *command: str) -> str:
    """Run a command in a project that has never started a server, and check that it did."""
    project = install(stack)
    with project.lock():
        project.delete_database()
        printed = project.uv_run(*command)
        clusters = list(project.path.glob(".postgres/**/PG_VERSION"))
    assert clusters
    return printed
