"""A running server recovers at once from a changed schema and from closed connections."""

from tests.conftest import Install
from tests.support.api_session import ApiSession, ApiUser, register
from tests.support.stacks import OPPOSITES, Stack, each

READS = ("/users/me", "/auth/sessions", "/articles")
# Each type is another one than before.
CHANGES = {
    "types": "ALTER TABLE users ALTER name TYPE {type}; ALTER TABLE articles ALTER title TYPE {type}",
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
def test_first_request(stack: Stack, install: Install) -> None:
    project = install(stack)
    with project.lock():
        project.delete_database()
        with project.serve() as server, ApiSession(server) as session:
            user = register(session, stack, "ann@example.org", "Acme")
            for change, sql in CHANGES.items():
                for first, type_ in (("write", "text"), ("read", "varchar")):
                    case = f"{change}, {first} first"
                    for _ in range(14):  # psycopg prepares a statement on its sixth execution.
                        write(user, f"Before {case}")
                        read(user)
                    project.run_sql(sql.format(type=type_))
                    if first == "write":
                        write(user, f"After {case}")
                    read(user)
                    write(user, f"Long after {case}")
            server.stop()
        project.delete_database()
