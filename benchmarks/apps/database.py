"""The unit of work as tutorials write it: a session by yield-dependency, one transaction a request."""

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

# The rendered project's number of connections, all of them kept: SQLAlchemy's default closes what
# overflows after each use, and the pool is not what is compared.
engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=10, max_overflow=0)
session_factory = async_sessionmaker(engine, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session, session.begin():
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
