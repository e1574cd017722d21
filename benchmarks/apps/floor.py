"""The floor: bare ASGI and asyncpg, without a framework."""

import json
import os
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import asyncpg  # type: ignore[import-untyped]  # ships no type hints
from starlette.types import Receive, Scope, Send

COLUMNS = "id, title, content, published, owner_id, created_at, updated_at"
GET = f"SELECT {COLUMNS} FROM articles WHERE id = $1"
PAGE = f"SELECT {COLUMNS} FROM articles ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2"
COUNT = "SELECT count(*) FROM articles"
INSERT = (
    "INSERT INTO articles (id, title, content, published, owner_id)"
    f" VALUES ($1, $2, $3, $4, $5) RETURNING {COLUMNS}"
)
USER_ID = UUID(os.environ["USER_ID"])
ARTICLES = "/api/v1/articles"


def encode_value(value: UUID | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


class Floor:
    pool: asyncpg.Pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.lifespan(receive, send)
        status, content = await self.answer(scope, receive)
        body = json.dumps(content, default=encode_value, separators=(",", ":")).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        url = os.environ["DATABASE_URL"].replace("+asyncpg", "")
        async with asyncpg.create_pool(url, min_size=10, max_size=10) as self.pool:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def answer(self, scope: Scope, receive: Receive) -> tuple[int, Any]:
        if scope["method"] == "POST":
            data = json.loads((await receive())["body"])
            values = (uuid4(), data["title"], data["content"], data["published"], USER_ID)
            return 201, dict(await self.pool.fetchrow(INSERT, *values))
        if scope["path"] == ARTICLES:
            return 200, await self.paginate(**dict(parse_qsl(scope["query_string"].decode())))
        row = await self.pool.fetchrow(GET, UUID(scope["path"][len(ARTICLES) + 1 :]))
        return (200, dict(row)) if row else (404, {"detail": "Not Found"})

    async def paginate(self, limit: str = "20", offset: str = "0") -> dict[str, Any]:
        async with self.pool.acquire() as connection:
            total = await connection.fetchval(COUNT)
            rows = await connection.fetch(PAGE, int(limit), int(offset))
        items = [dict(row) for row in rows]
        return {"items": items, "total": total, "limit": int(limit), "offset": int(offset)}


app = Floor()
