"""Whether a migration changes a table that is there."""

import re

# A statement, or a call of Alembic's with its calls of `op.f`, that changes the table {0}.
CHANGE = (
    r'\b(?:ALTER\s+TABLE(?:\s+IF\s+EXISTS)?|ON)\s+(?:ONLY\s+)?(?:public\.)?"?{0}\b'
    r'|\bop\.(?!f\b|create_table|drop_table)\w+\((?:[^()]|\([^()]*\))*"{0}"'
)


def alters(migration: str, table: str) -> bool:
    """Whether one, in SQL or for Alembic, changes the table, or adds something to it."""
    return bool(re.search(CHANGE.format(re.escape(table)), migration, re.IGNORECASE))
