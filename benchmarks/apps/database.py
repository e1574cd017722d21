"""The unit of work as in tutorials: a session in a yield-dependency, one transaction each."""

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

# As many connections as the rendered project, all kept open: SQLAlchemy's default closes overflow
# connections after each use, and the benchmark does not compare pools.
engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=10, max_overflow=0)
session_factory = async_sessionmaker(engine, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session, session.begin():
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
