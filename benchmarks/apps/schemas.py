from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class ArticleCreate(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    content: str
    published: bool = False


class ArticleRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    content: str
    published: bool
    owner_id: UUID
    created_at: datetime
    updated_at: datetime


class ArticlePage(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    items: list[ArticleRead]
    total: int
    limit: int
    offset: int
