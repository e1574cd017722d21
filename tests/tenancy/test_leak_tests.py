"""The leak tests of projects with tenants detect leaks that are planted in copies."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Install
from tests.support.leak_routes import DECLARED, HARMLESS, IMPORTS, LEAKS, REJECTED, adapt
from tests.support.projects import Project, link_own_bytecode
from tests.support.stacks import Stack, each

ASYNC = Stack("async", "per-entity", "alembic", True, "jwt")
SYNC = Stack("sync", "per-layer", "dbmate", True, "session")

LEAK_TESTS = "tests/core/tenancy/test_leaks.py"
TENANCY = "tests/core/tenancy/test_tenancy.py"
ROW_SECURITY = "tests/core/tenancy/test_row_security.py"

MIGRATIONS = {
    ASYNC: "migrations/app/0001_create_articles.py",
    SYNC: "migrations/app/0001_create_articles.sql",
}

ROUTES = {ASYNC: "app/articles/routes.py", SYNC: "app/routes/article.py"}

RAW_SQL_ROUTE = """

@router.get("/{article_id}/neighbours")
async def list_neighbours(
    article_id: UUID, session: ReadSessionDep, _user: CurrentUser
) -> list[dict[str, Any]]:
    return await session.fetch(text("SELECT * FROM articles"))
"""
VIEW_ROUTE = """

@router.get("/titles/all")
async def list_titles(session: ReadSessionDep, _user: CurrentUser) -> list[dict[str, Any]]:
    return await session.fetch(text("SELECT * FROM article_titles"))
"""
NUMBER_ROUTE = """

@router.get("/lengths/{length}")
async def list_by_length(
    length: int, session: ReadSessionDep, _user: CurrentUser
) -> list[dict[str, Any]]:
    matching = text("SELECT * FROM articles WHERE length(content) = :length")
    return await session.fetch(matching, {"length": length})
"""
ALLOW_MANAGERS = (
    "ALTER TABLE users DROP CONSTRAINT ck_users_role",
    "ALTER TABLE users ADD CONSTRAINT ck_users_role CHECK (role IN ('user', 'admin', 'manager'))",
)
TELLING_SERVICE = """
    async def get_article(self, article_id: UUID) -> ArticleRead:
        asked = text("SELECT article_exists(:id) AS exists")
        rows = await self.repository.read_session.fetch(asked, {"id": article_id})
        if rows[0]["exists"] and not await self.repository.exists(id=article_id):
            raise ForbiddenError
"""
TELLING_DUTIES = """

from app.core.errors import ForbiddenError

referred: set[UUID] = set()
create_duty = DutyService.create_duty


async def create_telling(self: DutyService, data: DutyCreate) -> DutyRead:
    if data.customer_id in referred:
        raise ForbiddenError
    if data.customer_id:
        referred.add(data.customer_id)
    return await create_duty(self, data)


DutyService.create_duty = create_telling
"""
ARTICLE_EXISTS = (
    "CREATE FUNCTION article_exists(wanted uuid) RETURNS boolean LANGUAGE sql SECURITY DEFINER"
    " AS $$ SELECT EXISTS (SELECT FROM public.articles WHERE id = wanted) $$"
)
REVIEWED = """
from app.core.models import Base

Base.metadata.info["reviewed_functions"] = {"article_exists(uuid)"}
"""
SHOW_ALL = (
    "DROP POLICY tenant_isolation ON articles",
    "CREATE POLICY everybody ON articles USING (true)",
)
VIEW = (
    "CREATE VIEW article_titles AS SELECT * FROM articles",
    "GRANT SELECT ON article_titles TO app_user",
)


class ProjectCopy:
    """A copy of a project that tests break."""

    def __init__(self, project: Project, stack: Stack) -> None:
        self.project = project
        self.stack = stack

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.project.path / file
        content = path.read_text()
        assert content.count(old) == 1, f"{file} has other words now than {old}"
        path.write_text(content.replace(old, new))

    def append(self, file: str, code: str) -> None:
        with (self.project.path / file).open("a") as module:
            module.write(code)

    def add_routes(self, *routes: str) -> None:
        path = self.project.path / ROUTES[self.stack]
        code = [IMPORTS, path.read_text(), *routes]
        path.write_text("\n\n".join(adapt(part, self.stack) for part in code))

    def migrate(self, *statements: str) -> None:
        """Add statements to the end of the team's first migration."""
        if self.stack.migrations == "alembic":
            calls = [f'    op.execute("{statement}")\n' for statement in statements]
            end = "\n\ndef downgrade"
        else:
            calls = [f"{statement};\n" for statement in statements]
            end = "\n-- migrate:down"
        self.replace(MIGRATIONS[self.stack], end, "".join(calls) + end)

    def skip_protection_check(self) -> None:
        """Remove the check of row-level security at startup."""
        file = "app/application.py"
        content = (self.project.path / file).read_text()
        (line,) = re.findall(r"^ *.*check_isolation.*\(.*database.*\n", content, re.MULTILINE)
        self.replace(file, line, "")

    def set_tenant_only_if_given(self) -> None:
        """Keep the connection's last tenant in transactions that have none."""
        line = "    connection.execute(SET_TENANT, build_tenant_parameters(session.info"
        only_tenants = f'    if session.info["tenant_id"]:\n    {line}'
        self.replace("app/core/tenancy/scope.py", line, only_tenants)

    def run_tests(self, *arguments: str) -> str:
        """Run the project's tests and return their short output."""
        short = ("--quiet", "--tb=line", "--show-capture=no", "-p", "no:cacheprovider")
        return self.run("pytest", *short, *arguments)

    def report_failures(self, *arguments: str) -> str:
        """Run tests that must fail, and return their whole output."""
        pytest_ = f"pytest --tb=line --show-capture=no {' '.join(arguments)}"
        self.run("sh", "-c", f"{pytest_} > report.txt; test $? = 1")
        return (self.project.path / "report.txt").read_text()

    def run(self, *command: str) -> str:
        """Run a command in the copy, although the packages are installed for the original."""
        return self.project.uv_run(*command, PYTHONPATH=str(self.project.path))

    def assert_tests_fail(self, *arguments: str, match: str) -> str:
        """Check that the tests fail with a matching message, and return their output."""
        with pytest.raises(AssertionError) as failure:
            self.run_tests(*arguments)
        printed = str(failure.value)
        assert re.search(match, printed), printed
        return printed


@pytest.fixture
def copy_project(install: Install, tmp_path: Path) -> Callable[[Stack], ProjectCopy]:
    """Return a function that copies a project, which uses the original's packages."""

    def copy(stack: Stack) -> ProjectCopy:
        shared = install(stack)
        ignored = shutil.ignore_patterns(".venv", ".postgres", ".*_cache", "__pycache__")
        with shared.lock():
            shutil.copytree(shared.path, tmp_path / "project", ignore=ignored)
            link_own_bytecode(shared.path, tmp_path / "project")
        (tmp_path / "project/.venv").symlink_to(shared.path / ".venv")
        return ProjectCopy(Project(tmp_path / "project", shared.python), stack)

    return copy


CopyProject = Callable[[Stack], ProjectCopy]


class TestRoutes:
    @each([ASYNC, SYNC])
    def test_leaks_are_reported(self, stack: Stack, copy_project: CopyProject) -> None:
        """Add routes that leak, and routes that require declarations."""
        copy = copy_project(stack)
        copy.add_routes(*(code for code, _ in (LEAKS | REJECTED).values()))
        copy.append(
            "tests/leaks.py", '\nexemptions["GET /api/v1/article"] = Exemption("renamed")\n'
        )
        printed = copy.report_failures(LEAK_TESTS)
        assert "did you mean GET /api/v1/articles" in printed
        missed = [
            f"{operation} {report}"
            for operation, (_, report) in (LEAKS | REJECTED).items()
            if not re.search(f"{re.escape(operation)}.*{report}", printed)
        ]
        assert missed == [], printed

    @each([SYNC], exhaustive=[ASYNC])
    def test_unusual_routes_pass(self, stack: Stack, copy_project: CopyProject) -> None:
        """Add routes that leak nothing, and declare what the leak tests cannot know."""
        copy = copy_project(stack)
        users = "app/users/schemas.py" if stack == ASYNC else "app/schemas/user.py"
        copy.migrate(*ALLOW_MANAGERS)
        copy.replace(
            users, 'Role = Literal["user", "admin"]', 'Role = Literal["user", "admin", "manager"]'
        )
        copy.add_routes(
            RAW_SQL_ROUTE, NUMBER_ROUTE, HARMLESS, *(code for code, _ in REJECTED.values())
        )
        copy.append("tests/leaks.py", DECLARED)
        printed = copy.run_tests(LEAK_TESTS)
        assert "it needs a printer" in printed

    def test_other_answer_for_foreign_ids(self, copy_project: CopyProject) -> None:
        copy = copy_project(ASYNC)
        copy.migrate(ARTICLE_EXISTS)
        reason = r"article_exists\(uuid\) is SECURITY DEFINER"
        copy.assert_tests_fail(ROW_SECURITY, "-k=protected", match=reason)
        copy.append("app/models.py", REVIEWED)
        service = "app/articles/service.py"
        line = "    async def get_article(self, article_id: UUID) -> ArticleRead:\n"
        copy.replace(service, line, TELLING_SERVICE)
        imports = "from sqlalchemy import text\nfrom app.core.errors import ForbiddenError\n"
        copy.replace(service, "from app.core.principal", f"{imports}from app.core.principal")
        copy.assert_tests_fail(
            LEAK_TESTS, "-k=paths", match=r"returns \(403.*with unknown values \(404"
        )

    def test_optional_reference(self, copy_project: CopyProject) -> None:
        """Refer to a resource whose rows the leak tests create later."""
        copy = copy_project(ASYNC)
        for words in (
            "customer name:str:200 rate:decimal:3:3",
            "duty day:date,unique customer:ref:customer,optional",
        ):
            copy.run("manage", "make", *words.split())
        assert "passed" in copy.run_tests(LEAK_TESTS, "-k=bodies")
        copy.append("app/duties/service.py", TELLING_DUTIES)
        match = r"duties.*returns \(403.*with unknown values \(409"
        copy.assert_tests_fail(LEAK_TESTS, "-k=bodies", match=match)

    def test_unique_across_tenants(self, copy_project: CopyProject) -> None:
        copy = copy_project(ASYNC)
        copy.migrate("CREATE UNIQUE INDEX every_email ON users (email)")
        copy.assert_tests_fail(
            LEAK_TESTS, "-k=bodies", match=r"returns \(409.*with unknown values \(201"
        )


class TestDatabase:
    def test_policy_dropped(self, copy_project: CopyProject) -> None:
        copy = copy_project(ASYNC)
        copy.migrate(*SHOW_ALL)
        match = "UnprotectedDatabaseError: .*\n.*articles lacks the policy tenant_isolation"
        printed = copy.assert_tests_fail(
            LEAK_TESTS, ROW_SECURITY, "-k=paths or protected", match=match
        )
        assert re.search(
            r"not isolated by tenant:\s+articles lacks the policy tenant_isolation", printed
        )

        copy.add_routes(RAW_SQL_ROUTE)
        copy.skip_protection_check()
        copy.assert_tests_fail(
            LEAK_TESTS, "-k=paths", match="/neighbours.* as role user shows canary"
        )

    def test_force_dropped(self, copy_project: CopyProject) -> None:
        copy = copy_project(SYNC)
        copy.migrate("ALTER TABLE articles NO FORCE ROW LEVEL SECURITY")
        copy.assert_tests_fail(
            ROW_SECURITY, "-k=protected", match="articles lacks ENABLE or FORCE ROW"
        )

    def test_view_of_its_owner(self, copy_project: CopyProject) -> None:
        copy = copy_project(ASYNC)
        copy.migrate(*VIEW)
        match = "article_titles is a view with its owner's privileges"
        copy.assert_tests_fail(ROW_SECURITY, "-k=protected", match=match)

        copy.add_routes(VIEW_ROUTE)
        copy.skip_protection_check()
        copy.assert_tests_fail(
            LEAK_TESTS, "-k=queries", match="/titles/all.* as role user shows canary"
        )

    @each([ASYNC, SYNC])
    def test_unprotected_table(self, stack: Stack, copy_project: CopyProject) -> None:
        copy = copy_project(stack)
        copy.migrate("CREATE TABLE notes (tenant_id uuid, note text)")
        match = (
            "notes lacks ENABLE or FORCE ROW LEVEL SECURITY\n.*notes lacks the policy tenant_isolation\n"
            ".*notes lacks the policy owner_maintenance\n.*notes lacks privileges for the service"
        )
        copy.assert_tests_fail(ROW_SECURITY, "-k=protected", "--tb=short", match=match)


class TestConnections:
    @each([ASYNC, SYNC])
    def test_named_only_if_there_is_a_tenant(self, stack: Stack, copy_project: CopyProject) -> None:
        """A transaction without a tenant must not use the connection's last one."""
        copy = copy_project(stack)
        copy.set_tenant_only_if_given()
        copy.assert_tests_fail(TENANCY, "-k=Connections", match="test_leftover_tenant_is_ignored")

    def test_named_for_longer_than_a_transaction(self, copy_project: CopyProject) -> None:
        copy = copy_project(SYNC)
        copy.set_tenant_only_if_given()
        copy.replace("app/core/tenancy/scope.py", "TENANT}, true)", "TENANT}, false)")
        copy.assert_tests_fail(TENANCY, "-k=Connections", match="test_previous_tenant_is_replaced")

    def test_job_that_trusts_its_connection(self, copy_project: CopyProject) -> None:
        """Reads without a tenant must not use the connection's last one."""
        copy = copy_project(ASYNC)
        line = "            connection.execute(SET_TENANT, self._tenant)"
        only_tenants = f"            if any(self._tenant.values()):\n    {line}"
        copy.replace("app/core/tenancy/reads.py", line, only_tenants)
        copy.assert_tests_fail(TENANCY, "-k=Connections", match="test_leftover_tenant_is_ignored")
