"""A running server recovers at once from a changed schema and from closed connections."""

import pytest

from tests.conftest import Install
from tests.support.api_session import ApiSession, ApiUser, register
from tests.support.stacks import OPPOSITES, Stack, each

READS = ("/users/me", "/auth/sessions", "/articles")
CHANGES = {
    "types": "ALTER TABLE users ALTER name TYPE text; ALTER TABLE articles ALTER title TYPE text",
    "connections": "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()",
}


def write(user: ApiUser, name: str) -> None:
    assert user.request("PATCH", "/users/me", 200, json={"name": name})["name"] == name
    article = user.request("POST", "/articles", 201, json={"title": name, "content": "Text"})
    user.request("PATCH", f"/articles/{article['id']}", 200, json={"title": f"{name} again"})


def read(user: ApiUser) -> None:
    for path in READS:
        user.request("GET", path, 200)


@each(OPPOSITES)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("is_write_first", [True, False], ids=["write", "read"])
def test_first_request(stack: Stack, change: str, is_write_first: bool, install: Install) -> None:
    project = install(stack)
    with project.lock():
        project.delete_database()
        with project.serve() as server, ApiSession(server) as session:
            user = register(session, stack, "ann@example.org", "Acme")
            for number in range(14):  # psycopg prepares a statement on its sixth execution.
                write(user, f"Warm {number}")
                read(user)
            project.run_sql(CHANGES[change])
            if is_write_first:
                write(user, "First")
            read(user)
            write(user, "Then")
            server.stop()
        project.delete_database()
