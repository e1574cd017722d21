"""Measure the pages of lists of 10 thousand, 300 thousand and 3 million rows.

Usage: python -m benchmarks.pages [ROWS...]
"""

import os
import secrets
import sys
import tempfile
from pathlib import Path

from benchmarks.postgres import PostgresServer
from benchmarks.project import REPOSITORY, install, migrate, render, run

SIZES = ("10000", "300000", "3000000")
STACK = "async-tenants"
MAKE = ("make", "note", "title:str", "done:bool", "--soft-delete", "--sort=title", "--yes")
TENANT_ID = "019a0000-0000-7000-8000-000000000001"
OTHER_TENANT_ID = "019a0000-0000-7000-8000-000000000002"
# Every second row belongs to another tenant, every tenth is deleted, and one in 5,000 of a tenant is rare.
# The titles are in no order.
FILL = """
INSERT INTO tenants (id, name, slug)
VALUES ('{tenant}', 'Readers', 'readers'), ('{other}', 'Others', 'others')
ON CONFLICT DO NOTHING;
INSERT INTO notes (id, tenant_id, title, done, deleted_at)
SELECT
    uuidv7((n - {rows}) * interval '1 second'),
    CASE n % 2 WHEN 0 THEN '{tenant}' ELSE '{other}' END ::uuid,
    CASE n % 10000 WHEN 4 THEN 'rare ' ELSE 'note ' END || md5(n::text),
    n % 4 = 0,
    CASE n / 2 % 10 WHEN 9 THEN now() END
FROM generate_series({present} + 1, {rows}) AS n;
VACUUM ANALYZE notes;
"""


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:] or SIZES]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        project = render(folder, [STACK])[STACK]
        python = install(folder, [project], dev=True)
        run(str(python), "-m", "manage", *MAKE, cwd=project)
        with PostgresServer(folder / "postgres") as postgres:
            postgres.create_database("pages")
            roles = project / "migrations" / "roles.sql"
            postgres.execute("pages", roles.read_text())
            environment = {
                "DATABASE_URL": postgres.url("pages", user="app_user"),
                "MIGRATION_DATABASE_URL": postgres.url("pages", user="app_owner"),
                "SECRET_KEY": secrets.token_urlsafe(48),
                "PYTHONPATH": os.pathsep.join((str(project), str(REPOSITORY))),
            }
            migrate(python, project, environment)
            present = 0
            for rows in sizes:
                values = {"tenant": TENANT_ID, "other": OTHER_TENANT_ID}
                sql = FILL.format(rows=2 * rows, present=2 * present, **values)
                postgres.execute("pages", sql)
                present = rows
                command = (str(python), "-m", "benchmarks.apps.pages", TENANT_ID, str(rows))
                print(run(*command, cwd=project, environment=environment), end="", flush=True)


if __name__ == "__main__":
    main()
