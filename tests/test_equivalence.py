"""Answers that change how a service is built change nothing of what it does."""

import json
import re

import pytest

from tests.conftest import Install, Talk
from tests.renderings import difference
from tests.stacks import STACKS, Stack

# One stack for each API that there is.
KINDS = [
    Stack(multi_tenancy=many, auth=auth) for many in (False, True) for auth in ("jwt", "session")
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)

SCHEMA = """
import subprocess
from manage.postgres import DATABASE, get_local_server
from manage.postgres.programs import find_programs
url = get_local_server().get_database_url("postgresql")
where = ["-h", url.query["host"], "-p", url.query["port"], "-U", url.username, "-d", DATABASE]
what = ["--schema-only", "--no-owner", "--exclude-table=*alembic_version*", "--exclude-table=*schema_migrations*"]
subprocess.run([find_programs() / "pg_dump", *where, *what], check=True)
get_local_server().release()
"""


def alike(kind: Stack) -> list[Stack]:
    return [
        stack
        for stack in STACKS
        if (stack.multi_tenancy, stack.auth) == (kind.multi_tenancy, kind.auth)
    ]


@pytest.mark.parametrize("many", [False, True], ids=["single", "tenants"])
def test_same_schema_from_alembic_and_dbmate(many: bool, install: Install) -> None:
    dumps = []
    for stack in (Stack(multi_tenancy=many), Stack(migrations="dbmate", multi_tenancy=many)):
        project = install(stack)
        with project.alone():
            project.uv_run("manage", "migrate", "apply")
            dumps.append(statements(project.uv_run("python", "-c", SCHEMA)))
    assert "CREATE TABLE public.articles (" in dumps[0]
    assert not (found := difference(*dumps)), found


def statements(dump: str) -> str:
    """A dump without comments, session settings and the blank lines between statements."""
    noise = re.compile(r"--|SET |SELECT pg_catalog|\\|$")
    return "\n".join(line for line in dump.splitlines() if not noise.match(line))


@each_kind
def test_same_openapi_and_behaviour(kind: Stack, talk: Talk) -> None:
    expected = talk(kind)
    assert "/api/v1/articles" in expected.openapi["paths"]
    for stack in alike(kind):
        for said, wanted in zip(talk(stack), expected, strict=True):
            found = difference(json.dumps(wanted, indent=1), json.dumps(said, indent=1))
            assert not found, f"{stack}\n{found}"
