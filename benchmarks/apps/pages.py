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
from app.notes.repository import NoteRepository
from app.notes.schemas import NoteQuery, NoteRead
from app.settings import get_settings

REPETITIONS = 9
FIRST_PAGES: dict[str, dict[str, Any]] = {
    "first page": {},
    "first page by title": {"sort": "title"},
    "first page, half of the rows match": {"done": True},
    "first page, one in 10,000 matches": {"title__icontains": "rare"},
    "first page with total": {"include_total": True},
    "page at offset 5,000": {"offset": 5_000},
    "page at offset 100,000": {"offset": 100_000},
}
DEEP_PAGES: dict[str, dict[str, Any]] = {
    "page by cursor in the middle": {},
    "page by cursor in the middle, by title": {"sort": "title"},
    "page by cursor in the middle, half match": {"done": True},
}


async def measure(notes: NoteRepository, query: NoteQuery) -> float:
    """Return the median duration of a page, in milliseconds."""
    durations = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        await notes.paginate(NoteRead, query)
        durations.append(time.perf_counter() - start)
    return statistics.median(durations) * 1000


async def find_middle(notes: NoteRepository, query: NoteQuery, rows: int) -> str:
    """Return the cursor in the middle of a list."""
    query = query.model_copy(update={"limit": 1, "offset": rows // 2})
    page = await notes.paginate(NoteRead, query)
    cursor: str = page.next_cursor
    return cursor


async def main() -> None:
    tenant_id, rows = UUID(sys.argv[1]), int(sys.argv[2])
    database = Database.from_settings(get_settings())
    notes = NoteRepository(database.read_session(tenant_id=tenant_id))
    print(f"{rows:,} rows of the tenant, as many of another")
    for name, values in FIRST_PAGES.items():
        print(f"  {name:42}{await measure(notes, NoteQuery(**values)):10.2f} ms", flush=True)
    for name, values in DEEP_PAGES.items():
        matching = rows // 3 if "done" in values else rows
        cursor = await find_middle(notes, NoteQuery(**values), matching)
        query = NoteQuery(**values, cursor=cursor)
        print(f"  {name:42}{await measure(notes, query):10.2f} ms", flush=True)
    await database.dispose()


if __name__ == "__main__":
    asyncio.run(main())
