"""A service behind PgBouncer in transaction mode, where clients share server connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from tests.conftest import Install, ScenarioResults
from tests.support.api_session import ApiSession, register, run_scenario
from tests.support.pgbouncer import start_pgbouncer
from tests.support.projects import Project
from tests.support.requirements import require_program
from tests.support.stacks import Stack, each

WITH_TENANTS = [
    Stack(multi_tenancy=True),
    Stack("sync", "per-layer", "dbmate", True, "session"),
]
STACKS = [*WITH_TENANTS, Stack(), Stack("sync")]
ARTICLES = "/api/v1/articles"
CLIENTS = 16
VISITS = 200


@pytest.fixture(autouse=True)
def program() -> str:
    """Return the path of PgBouncer, without which these tests cannot run."""
    return require_program("pgbouncer")


@contextmanager
def run_pgbouncer(project: Project, stack: Stack) -> Iterator[dict[str, str]]:
    """Yield the environment variables with which a service connects through PgBouncer."""
    project.delete_database()
    owner, user = ("app_owner", "app_user") if stack.multi_tenancy else ("postgres", "postgres")
    with project.postgres() as folder, start_pgbouncer(folder) as address:
        yield {
            "DATABASE_URL": f"postgresql://{user}@{address}/app",
            "MIGRATION_DATABASE_URL": f"postgresql://{owner}@/app?host={folder}&port=5432",
        }


class TenantClient:
    """A client that writes its tenant's name into each article."""

    def __init__(self, client: httpx2.Client, tenant: str, token: str) -> None:
        self._client = client
        self._tenant = tenant
        self._headers = {"Authorization": f"Bearer {token}"}

    def use_articles(self) -> None:
        """Create an article, fail to create another, and check that the list is the tenant's."""
        article = {"title": self._tenant, "content": "Content"}
        made = self._ask("POST", ARTICLES, 201, json=article)
        self._ask("POST", ARTICLES, 422, json={"title": ""})
        place = f"{ARTICLES}/{made['id']}"
        assert self._ask("GET", place, 200)["title"] == self._tenant
        changed = self._ask("PATCH", place, 200, json={"published": True})
        assert changed["title"] == self._tenant
        page = self._ask("GET", ARTICLES, 200, params={"limit": 100})
        assert {item["title"] for item in page["items"]} == {self._tenant}

    def _ask(self, method: str, path: str, expected: int, **options: Any) -> Any:
        response = self._client.request(method, path, headers=self._headers, **options)
        assert response.status_code == expected, response.text
        return response.json()


@each(WITH_TENANTS, exhaustive=STACKS)
def test_answers_the_same(
    stack: Stack, install: Install, scenario_results: ScenarioResults
) -> None:
    expected, project = scenario_results(stack).exchanges, install(stack)
    with (
        project.lock(),
        run_pgbouncer(project, stack) as environment,
        project.serve(PGBOUNCER="true", **environment) as server,
    ):
        assert run_scenario(server, stack) == expected
        server.stop()


@each(WITH_TENANTS)
def test_a_crowd_of_two_tenants(stack: Stack, install: Install) -> None:
    project = install(stack)
    with (
        project.lock(),
        run_pgbouncer(project, stack) as environment,
        project.serve(PGBOUNCER="true", **environment) as server,
    ):
        with ApiSession(server) as session:
            tokens = {
                tenant: register(session, stack, f"ann@{tenant.lower()}.example.org", tenant).token
                for tenant in ("Acme", "Globex")
            }
        with (
            httpx2.Client(base_url=server.url, timeout=60) as client,
            ThreadPoolExecutor(CLIENTS) as pool,
        ):
            clients = [TenantClient(client, *member) for member in tokens.items()]
            visits = [pool.submit(clients[number % 2].use_articles) for number in range(VISITS)]
        for visit in visits:
            visit.result()
        server.stop()


@each(WITH_TENANTS)
def test_needs_the_setting(stack: Stack, install: Install) -> None:
    """Check that PGBOUNCER is required, so that the tests above prove something."""
    project = install(stack)
    with (
        project.lock(),
        run_pgbouncer(project, stack) as environment,
        pytest.raises(AssertionError, match="unsupported startup parameter"),
        project.serve(**environment),
    ):
        pass
