"""`manage seed` in a database whose first admin's address is taken."""

import pytest

from tests.conftest import Install
from tests.support.stacks import OPPOSITES, Stack, each

TAKEN = {
    "user": "UPDATE users SET role = 'user'",
    "invitation": "UPDATE users SET role = 'user', password_hash = NULL",
}


@each(OPPOSITES)
def test_taken_address(stack: Stack, install: Install) -> None:
    project = install(stack)
    with project.lock():
        project.delete_database()
        project.uv_run("manage", "migrate", "apply")
        assert "First admin: admin@example.com" in project.uv_run("manage", "seed")
        for kind, sql in TAKEN.items():
            if kind == "user" or stack.multi_tenancy:
                project.run_sql(sql)
                with pytest.raises(
                    AssertionError, match="is not an admin: pass another --email"
                ) as error:
                    project.uv_run("manage", "seed")
                assert "Traceback" not in str(error.value)
        project.delete_database()
