"""Pages of a list, without HTTP: run in a rendered project with a resource `note`.

Usage: python -m benchmarks.apps.pages TENANT_ID ROWS
"""

import asyncio
import statistics
import sys
import time
from typing import Any
from uuid import UUID

from app.core.database import Database
from app.core.sql.pagination import encode_cursor
from app.notes.models import Note
from app.notes.repository import NoteRepository
from app.notes.schemas import NoteQuery, NoteRead
from app.settings import get_settings
from sqlalchemy import select

REPETITIONS = 9
FIRST_PAGES: dict[str, dict[str, Any]] = {
    "first page": {},
    "first page by title": {"sort": "title"},
    "first page, half of the rows match": {"done": True},
    "first page, one in 5,000 matches": {"title__icontains": "rare"},
    "first page with total": {"include_total": True},
    "page at offset 5,000": {"offset": 5_000},
    "page at offset 100,000": {"offset": 100_000},
}
DEEP_PAGES: dict[str, dict[str, Any]] = {
    "page by cursor in the middle": {},
    "page by cursor in the middle, by title": {"sort": "title"},
    "page by cursor in the middle, filtered": {"done": True},
}


async def measure(notes: NoteRepository, query: NoteQuery) -> float:
    """Return the median duration of a page, in milliseconds."""
    durations = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        await notes.paginate(NoteRead, query)
        durations.append(time.perf_counter() - start)
    return statistics.median(durations) * 1000


async def find_middle(rows: int) -> dict[str, str]:
    """Return the cursor in the middle of the list for each sort."""
    database = Database.from_settings(
        get_settings().model_copy(update={"statement_timeout_ms": 600_000})
    )
    statement = select(Note.id).order_by(Note.id.desc()).offset(rows // 2).limit(1)
    [row] = await database.read_session(tenant_id=UUID(sys.argv[1])).fetch(statement)
    await database.dispose()
    middle = str(row["id"])
    # The titles are hashes, of which half are less than 8.
    return {
        "-id": encode_cursor("-id", [middle]),
        "title": encode_cursor("title", ["note 8", middle]),
    }


async def main() -> None:
    tenant_id, rows = UUID(sys.argv[1]), int(sys.argv[2])
    database = Database.from_settings(get_settings())
    notes = NoteRepository(database.read_session(tenant_id=tenant_id))
    print(f"{rows:,} rows of the tenant, as many of another")
    for name, values in FIRST_PAGES.items():
        print(f"  {name:42}{await measure(notes, NoteQuery(**values)):10.2f} ms", flush=True)
    cursors = await find_middle(rows)
    for name, values in DEEP_PAGES.items():
        query = NoteQuery(**values, cursor=cursors[values.get("sort", "-id")])
        print(f"  {name:42}{await measure(notes, query):10.2f} ms", flush=True)
    await database.dispose()


if __name__ == "__main__":
    asyncio.run(main())
