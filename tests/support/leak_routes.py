"""Routes of articles that leak rows of other tenants, and unusual routes that leak nothing.

They are written for async projects; `adapt` removes what a sync project does not have.
"""

from tests.support.stacks import Stack

IMPORTS = """
import random
import zipfile
from asyncio import sleep
from collections.abc import AsyncIterator, Iterator
from datetime import date
from io import BytesIO
from time import time_ns
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, HTTPException, Query, Request, Response, UploadFile
from fastapi.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import text

from app.core.database import Database
from app.dependencies import CurrentUser, DatabaseDep, ReadSessionDep, SettingsDep
from app.dependencies import require_role
from fastapi import Depends

Rows = list[dict[str, Any]]


async def fetch_as_owner(settings: Any, statement: str, **values: Any) -> Rows:
    owners = settings.model_copy(update={"database_url": settings.migration_database_url})
    database = Database.from_settings(owners)
    try:
        return await database.read_session(tenant_id=None).fetch(text(statement), values)
    finally:
        await database.dispose()
"""

# By operation: the code, and what the leak tests report.
LEAKS = {
    "GET /api/v1/articles/statistics/all": (
        """
@router.get("/statistics/all")
async def list_for_statistics(settings: SettingsDep, _user: CurrentUser) -> Rows:
    return await fetch_as_owner(settings, "SELECT id FROM articles")
""",
        "shows",
    ),
    "GET /api/v1/articles/{article_id}/neighbour": (
        """
@router.get("/{article_id}/neighbour")
async def get_neighbour(article_id: UUID, settings: SettingsDep, _user: CurrentUser) -> int:
    statement = "SELECT published FROM articles WHERE id = :id"
    return len(await fetch_as_owner(settings, statement, id=article_id))
""",
        "but with unknown values",
    ),
    "POST /api/v1/articles/lines": (
        """
class Line(BaseModel):
    article_id: UUID


class Order(BaseModel):
    lines: list[Line]


@router.post("/lines")
async def post_lines(data: Order, settings: SettingsDep, _user: CurrentUser) -> Rows:
    statement = "SELECT title FROM articles WHERE id = :id"
    return await fetch_as_owner(settings, statement, id=data.lines[0].article_id)
""",
        "shows",
    ),
    "GET /api/v1/articles/filtered/rows": (
        """
@router.get("/filtered/rows")
async def count_filtered(owner_id: UUID, settings: SettingsDep, _user: CurrentUser) -> int:
    statement = "SELECT id FROM articles WHERE owner_id = :id"
    return len(await fetch_as_owner(settings, statement, id=owner_id))
""",
        "but with unknown values",
    ),
    "GET /api/v1/articles/header/rows": (
        """
@router.get("/header/rows")
async def list_by_header(
    settings: SettingsDep, _user: CurrentUser, x_owner: Annotated[UUID | None, Header()] = None
) -> Rows:
    return await fetch_as_owner(settings, "SELECT id FROM articles WHERE owner_id = :id", id=x_owner)
""",
        "shows",
    ),
    "GET /api/v1/articles/header/tenant": (
        """
@router.get("/header/tenant")
async def list_of_tenant(request: Request, database: DatabaseDep, user: CurrentUser) -> Rows:
    tenant_id = UUID(request.headers.get("X-Tenant-ID", str(user.tenant_id)))
    return await database.read_session(tenant_id=tenant_id).fetch(text("SELECT id FROM articles"))
""",
        "shows",
    ),
    "GET /api/v1/articles/export/csv": (
        """
@router.get("/export/csv")
async def export_csv(settings: SettingsDep, _user: CurrentUser) -> StreamingResponse:
    rows = await fetch_as_owner(settings, "SELECT title FROM articles")
    return StreamingResponse((f"{row['title']};1\\n" for row in rows), media_type="text/csv")
""",
        "shows",
    ),
    "GET /api/v1/articles/export/zip": (
        """
@router.get("/export/zip")
async def export_zip(settings: SettingsDep, _user: CurrentUser) -> Response:
    rows = await fetch_as_owner(settings, "SELECT title FROM articles")
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("titles.txt", " ".join(row["title"] for row in rows))
    return Response(content.getvalue(), media_type="application/zip")
""",
        "shows",
    ),
    "GET /api/v1/articles/events/all": (
        """
@router.get("/events/all")
async def stream_all(settings: SettingsDep, _user: CurrentUser) -> StreamingResponse:
    rows = await fetch_as_owner(settings, "SELECT title FROM articles")

    async def stream() -> AsyncIterator[str]:
        while True:
            for row in rows:
                yield f"data: {row['title']}\\n\\n"
            await sleep(0.05)

    return StreamingResponse(stream(), media_type="text/event-stream")
""",
        "shows",
    ),
    "GET /api/v1/articles/total/all": (
        """
@router.get("/total/all")
async def get_total(settings: SettingsDep, _user: CurrentUser) -> dict[str, int]:
    rows = await fetch_as_owner(settings, "SELECT count(*) AS total FROM articles")
    return {"total": rows[0]["total"], "moment": time_ns()}
""",
        "changes with the rows of another tenant",
    ),
    "GET /api/v1/articles/total/csv": (
        """
@router.get("/total/csv")
async def get_total_csv(settings: SettingsDep, _user: CurrentUser) -> PlainTextResponse:
    rows = await fetch_as_owner(settings, "SELECT count(*) AS total FROM articles")
    return PlainTextResponse(f"total\\n{rows[0]['total']}\\n", media_type="text/csv")
""",
        "changes with the rows of another tenant",
    ),
    "GET /api/v1/articles/cached/all": (
        """
cached: dict[str, Rows] = {}


@router.get("/cached/all")
async def list_cached(request: Request, session: ReadSessionDep, _user: CurrentUser) -> Rows:
    if str(request.url) not in cached:
        cached[str(request.url)] = await session.fetch(text("SELECT * FROM articles"))
    return cached[str(request.url)]
""",
        "perhaps from a shared cache",
    ),
    "GET /api/v1/articles/latest/one": (
        """
remembered: Rows = []


@router.get("/latest/one")
async def get_latest(session: ReadSessionDep, _user: CurrentUser) -> Rows:
    if not remembered:
        remembered.extend(await session.fetch(text("SELECT * FROM articles")))
    return remembered
""",
        "perhaps from a shared cache",
    ),
    "POST /api/v1/articles/purge": (
        """
class Purge(BaseModel):
    tenant_id: UUID


@router.post("/purge")
async def purge_articles(data: Purge, database: DatabaseDep, _user: CurrentUser) -> int:
    async with database.transaction(tenant_id=data.tenant_id) as session:
        return len(await session.fetch(text("DELETE FROM articles RETURNING id")))
""",
        "rows of the other tenant changed in articles",
    ),
    "POST /api/v1/articles/{article_id}/flip": (
        """
@router.post("/{article_id}/flip", status_code=204)
async def flip(article_id: UUID, settings: SettingsDep, user: CurrentUser) -> None:
    if user.session_id is None:
        return
    owners = settings.model_copy(update={"database_url": settings.migration_database_url})
    database = Database.from_settings(owners)
    flipped = text("UPDATE articles SET published = NOT published WHERE id = :id")
    try:
        async with database.transaction(tenant_id=None) as session:
            await session.execute(flipped, {"id": article_id})
    finally:
        await database.dispose()
""",
        "rows of the other tenant changed in articles",
    ),
    "GET /api/v1/articles/mine/all": (
        """
class Nothing(BaseModel):
    model_config = {"extra": "forbid"}


@router.get("/mine/all")
async def list_to_plain_users(
    query: Annotated[Nothing, Query()], settings: SettingsDep, user: CurrentUser
) -> Rows:
    statement = "SELECT id FROM articles"
    return [] if user.role == "admin" else await fetch_as_owner(settings, statement)
""",
        "as role user shows",
    ),
}

# By operation: the code, and what the leak tests report if nothing is declared.
REJECTED = {
    "GET /api/v1/articles/managers/all": (
        """
ManagerUser = Annotated[Any, Depends(require_role("manager"))]


@router.get("/managers/all")
async def list_to_managers(session: ReadSessionDep, _user: ManagerUser) -> Rows:
    return await session.fetch(text("SELECT * FROM articles"))
""",
        r"rejects each role \(admin, user\): 403 .*\n.*to `roles` in tests/leaks.py",
    ),
    "POST /api/v1/articles/managers": (
        """
@router.post("/managers", status_code=201)
async def create_as_manager(_user: ManagerUser) -> None:
    \"\"\"Create nothing.\"\"\"
""",
        r"rejects each role \(admin, user\): 403 .*\n.*to `roles` in tests/leaks.py",
    ),
    "POST /api/v1/articles/priced": (
        """
class Priced(BaseModel):
    currency: str

    @model_validator(mode="after")
    def check_currency(self) -> "Priced":
        if not self.currency.startswith("EUR"):
            raise ValueError("not in euro")
        return self


@router.post("/priced", status_code=201)
async def create_priced(data: Priced, _user: CurrentUser) -> None:
    \"\"\"Create nothing.\"\"\"
""",
        r"not in euro.*\n.*tests/leaks.py: values=\{.*: RequestValues\(body=",
    ),
    "GET /api/v1/articles/report/all": (
        """
@router.get("/report/all")
async def get_report(currency: str, _user: CurrentUser) -> str:
    if currency != "EUR":
        raise HTTPException(422, "not in euro")
    return "nothing"
""",
        r"not in euro.*\n.*tests/leaks.py: values=\{.*: RequestValues\(query=",
    ),
    "GET /api/v1/articles/broken/all": (
        """
@router.get("/broken/all")
async def get_broken(_user: CurrentUser) -> None:
    raise HTTPException(502, "the printer is on fire")
""",
        r"fails: 502 .*printer",
    ),
}

DECLARED = """
values["POST /api/v1/articles/priced"] = RequestValues(
    body=lambda number: {"currency": f"EUR{number}"}
)
values["GET /api/v1/articles/report/all"] = RequestValues(query={"currency": "EUR"})
exemptions["GET /api/v1/articles/broken/all"] = Exemption("it needs a printer")
"""

HARMLESS = """
@router.get("/harmless/csv")
async def get_csv(session: ReadSessionDep, _user: CurrentUser) -> StreamingResponse:
    rows = await session.fetch(text("SELECT * FROM articles"))
    return StreamingResponse((f"{row['title']};1\\n" for row in rows), media_type="text/csv")


@router.get("/harmless/{article_id}/picture")
async def get_picture(article_id: UUID, _user: CurrentUser) -> Response:
    return Response(b"\\x89PNG\\xff\\xfe\\x00" + random.randbytes(99), media_type="image/png")


@router.get("/harmless/broken-archive")
async def get_archive(_user: CurrentUser) -> Response:
    return Response(b"PK\\x03\\x04" + random.randbytes(99), media_type="application/zip")


@router.get("/harmless/redirect")
async def get_redirect(_user: CurrentUser) -> RedirectResponse:
    return RedirectResponse(f"https://example.com/?signature={random.random()}")


@router.get("/harmless/nothing", status_code=204)
async def get_nothing(_user: CurrentUser) -> None:
    \"\"\"Return nothing.\"\"\"


@router.get("/harmless/events")
async def stream_events(session: ReadSessionDep, _user: CurrentUser) -> StreamingResponse:
    async def stream() -> AsyncIterator[str]:
        while True:
            yield f"data: {time_ns()}\\n\\n"
            await sleep(0.05)

    return StreamingResponse(stream(), media_type="text/event-stream")


@router.get("/harmless/now")
async def get_now(response: Response, _user: CurrentUser) -> dict[str, Any]:
    response.headers["Server-Timing"] = f"total;dur={random.random()}"
    return {"now": time_ns(), "took": random.random(), "lines": [random.random()]}


@router.get("/harmless/between")
async def count_between(
    until: date, since: date, session: ReadSessionDep, _user: CurrentUser
) -> int:
    if until < since:
        raise HTTPException(422, "since is after until")
    return len(await session.fetch(text("SELECT * FROM articles")))


@router.post("/harmless/file", status_code=201)
async def upload(file: UploadFile, _user: CurrentUser) -> Response:
    return Response(f"{file.filename} {file.size}", 201)


class Period(BaseModel):
    ends: date
    starts: date
    most: int = Field(ge=0, le=9)
    least: int = Field(ge=0, le=9)
    hurry: bool

    @model_validator(mode="after")
    def check_order(self) -> "Period":
        if self.ends < self.starts or self.most < self.least or not self.hurry:
            raise ValueError("starts after its end")
        return self


@router.post("/harmless/periods", status_code=201)
async def create_period(data: Period, _user: CurrentUser) -> Period:
    return data


class PeriodUpdate(BaseModel):
    ends: date | None = None
    starts: date | None = None

    @model_validator(mode="after")
    def check_order(self) -> "PeriodUpdate":
        if self.ends and self.starts and self.ends < self.starts:
            raise ValueError("starts after its end")
        return self


@router.patch("/harmless/periods/{article_id}")
async def update_period(article_id: UUID, data: PeriodUpdate, _user: CurrentUser) -> PeriodUpdate:
    return data
"""


def adapt(code: str, stack: Stack) -> str:
    """Return the code for a stack."""
    if stack.concurrency == "async":
        return code
    for old, new in (
        ("async def ", "def "),
        ("await sleep(", "sleep("),
        ("await ", ""),
        ("async with ", "with "),
        ("from asyncio import sleep\n", ""),
        ("from time import time_ns", "from time import sleep, time_ns"),
        ("AsyncIterator[", "Iterator["),
        ("AsyncIterator, ", ""),
    ):
        code = code.replace(old, new)
    return code
