"""A plain FastAPI + async SQLAlchemy application as in tutorials, without authentication."""

import os
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, HTTPException, Query
from sqlalchemy import func, select

from benchmarks.apps.database import SessionDep
from benchmarks.apps.models import Article
from benchmarks.apps.schemas import ArticleCreate, ArticlePage, ArticleRead

USER_ID = UUID(os.environ["USER_ID"])

app = FastAPI()


@app.get("/api/v1/articles", response_model=ArticlePage)
async def list_articles(
    session: SessionDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Any:
    total = await session.scalar(select(func.count()).select_from(Article))
    statement = select(Article).order_by(Article.created_at.desc(), Article.id.desc())
    articles = (await session.scalars(statement.limit(limit).offset(offset))).all()
    return {"items": articles, "total": total, "limit": limit, "offset": offset}


@app.get("/api/v1/articles/{article_id}", response_model=ArticleRead)
async def get_article(article_id: UUID, session: SessionDep) -> Any:
    article = await session.get(Article, article_id)
    if article is None:
        raise HTTPException(status_code=404)
    return article


@app.post("/api/v1/articles", response_model=ArticleRead, status_code=201)
async def create_article(data: ArticleCreate, session: SessionDep) -> Any:
    article = Article(**data.model_dump(), owner_id=USER_ID)
    session.add(article)
    await session.flush()
    return article
