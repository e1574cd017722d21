"""Comparable dumps of a project's local database."""

import re

# Prints the schema of the local database, without the tables of the migration tools.
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


def statements(dump: str) -> str:
    """Remove comments, session settings and blank lines from a dump."""
    noise = re.compile(r"--|SET |SELECT pg_catalog|\\|$")
    return "\n".join(line for line in dump.splitlines() if not noise.match(line))
