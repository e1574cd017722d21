"""Operations of tenants on a rendered project's database, compared with a model in memory.

`tests/tenancy/test_tenant_model.py` runs this in projects, async and sync, with their fixtures.
"""

import asyncio
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from app.articles.models import Article
from app.articles.repository import ArticleRepository
from app.articles.schemas import ArticleQuery, ArticleRead
from app.core.database import Database
from app.core.errors import ConflictError
from app.core.sql.errors import DATABASE_ERRORS, get_sqlstate
from app.core.tenants import iterate_tenants
from app.settings import Settings
from app.tenants.models import Tenant
from app.users.models import User
from hypothesis import HealthCheck, Phase, assume, event
from hypothesis import settings as configure
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, insert, text

TENANTS = 3
SLUGS = [f"tenant{number}" for number in range(TENANTS)]
REFUSED_BY_POLICY = "42501"
TAKEN = "23505"
ALL = text("SELECT id, title, published, deleted_at IS NOT NULL AS hidden FROM articles")
FLIP_ALL = text("UPDATE articles SET published = NOT published RETURNING id")
DELETE_ALL = text("DELETE FROM articles RETURNING id")
GIVE_ALL_AWAY = text("UPDATE articles SET tenant_id = :tenant_id")

tenants = st.integers(0, TENANTS - 1)
# With LIKE's wildcards, and without spaces, which a query strips.
titles = st.text("aAbé%_\\", max_size=3)
booleans = st.booleans()
sorts = st.sampled_from(["title", "-title", "id", "-id"])


class RolledBackError(Exception):
    """Raised to roll a transaction back."""


@dataclass(frozen=True)
class KnownArticle:
    """The expected state of an article."""

    tenant: int
    title: str
    published: bool
    hidden: bool
    read: ArticleRead

    def row(self) -> tuple[UUID, str, bool, bool]:
        return (self.read.id, self.title, self.published, self.hidden)


class Caller:
    """Calls functions that are async in one project and sync in the other."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def __call__(self, answer: Any) -> Any:
        return self.loop.run_until_complete(answer) if inspect.isawaitable(answer) else answer

    def collect(self, answers: Any) -> list[Any]:
        async def gather() -> list[Any]:
            return [answer async for answer in answers]

        return self(gather()) if hasattr(answers, "__aiter__") else list(answers)

    @contextmanager
    def within(self, manager: Any) -> Iterator[Any]:
        if not hasattr(manager, "__aenter__"):
            with manager as value:
                yield value
            return
        value = self(manager.__aenter__())
        try:
            yield value
        except BaseException as error:
            if not self(manager.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            self(manager.__aexit__(None, None, None))


call = Caller()


class TenantMachine(RuleBasedStateMachine):
    """Each tenant sees its own rows, as the model predicts them, and no others."""

    database: Database
    owned: Database
    keys = Bundle("keys")

    @initialize()
    def begin(self) -> None:
        self.written: dict[UUID, KnownArticle] = {}
        self.ids = [uuid4() for _ in range(TENANTS)]
        self.owners = [uuid4() for _ in range(TENANTS)]
        for number, (tenant_id, owner_id) in enumerate(zip(self.ids, self.owners, strict=True)):
            with self.work(number) as session:
                call(
                    session.execute(
                        insert(Tenant).values(id=tenant_id, slug=SLUGS[number], name="")
                    )
                )
                email = f"{number}@example.com"
                call(session.execute(insert(User).values(id=owner_id, email=email, name="")))

    def teardown(self) -> None:
        with call.within(self.owned.transaction(tenant_id=None)) as session:
            call(session.execute(delete(Tenant).where(Tenant.slug.in_(SLUGS))))

    @contextmanager
    def work(self, tenant: int, *, keep: bool = True) -> Iterator[Any]:
        """Open a tenant's transaction; roll it back unless `keep`."""
        try:
            with call.within(self.database.transaction(tenant_id=self.ids[tenant])) as session:
                yield session
                if not keep:
                    raise RolledBackError
        except RolledBackError:
            event("rolled back")

    def read_session(self, tenant: int) -> Any:
        return self.database.read_session(tenant_id=self.ids[tenant])

    def seen(self, key: UUID, tenant: int) -> KnownArticle | None:
        """Return an article if the tenant owns it and has not deleted it."""
        known = self.written.get(key)
        return known if known and known.tenant == tenant and not known.hidden else None

    def everything_of(self, tenant: int) -> list[UUID]:
        return [key for key, known in self.written.items() if known.tenant == tenant]

    def note(self, key: UUID, *, keep: bool, **changes: Any) -> None:
        if keep:
            self.written[key] = replace(self.written[key], **changes)

    @rule(target=keys, tenant=tenants, title=titles, published=booleans, keep=booleans)
    def create(self, tenant: int, title: str, published: bool, keep: bool) -> UUID:
        values = {"owner_id": self.owners[tenant], "title": title, "published": published}
        with self.work(tenant, keep=keep) as session:
            articles = ArticleRepository(session)
            made = call(articles.create(ArticleRead, content="Content", **values))
            assert call(articles.read(ArticleRead, made.id)) == made
        assert (made.owner_id, made.title, made.published) == tuple(values.values())
        if keep:
            self.written[made.id] = KnownArticle(tenant, title, published, False, made)
        return made.id

    @rule(tenant=tenants, other=tenants)
    def create_for_another(self, tenant: int, other: int) -> None:
        assume(tenant != other)
        values = {"owner_id": self.owners[other], "title": "Foreign", "content": ""}
        statement = insert(Article).values(tenant_id=self.ids[other], **values)
        with pytest.raises(DATABASE_ERRORS) as refused, self.work(tenant) as session:
            call(session.execute(statement))
        assert get_sqlstate(refused.value) == REFUSED_BY_POLICY

    @rule(tenant=tenants, key=keys, inside=booleans)
    def read(self, tenant: int, key: UUID, inside: bool) -> None:
        if inside:
            with self.work(tenant) as session:
                found = call(ArticleRepository(session).read(ArticleRead, key))
        else:
            found = call(ArticleRepository(self.read_session(tenant)).read(ArticleRead, key))
        known = self.seen(key, tenant)
        assert (found and (found.title, found.published)) == (
            known and (known.title, known.published)
        )

    @rule(tenant=tenants, key=keys, title=titles, published=booleans, keep=booleans)
    def update(self, tenant: int, key: UUID, title: str, published: bool, keep: bool) -> None:
        values = {"title": title, "published": published}
        with self.work(tenant, keep=keep) as session:
            articles = ArticleRepository(session)
            article = call(articles.get(key))
            assert (article is None) == (self.seen(key, tenant) is None)
            if article is not None:
                call(articles.update(article, **values))
                self.note(key, keep=keep, **values)

    @rule(tenant=tenants, key=keys, keep=booleans)
    def delete(self, tenant: int, key: UUID, keep: bool) -> None:
        with self.work(tenant, keep=keep) as session:
            articles = ArticleRepository(session)
            article = call(articles.get(key))
            assert (article is None) == (self.seen(key, tenant) is None)
            if article is not None:
                call(articles.delete(article))
                self.note(key, keep=keep, hidden=True)

    @rule(tenant=tenants, key=keys, keep=booleans)
    def restore(self, tenant: int, key: UUID, keep: bool) -> None:
        known = self.written.get(key)
        is_hidden = known is not None and known.tenant == tenant and known.hidden
        with self.work(tenant, keep=keep) as session:
            assert call(ArticleRepository(session).restore(key)) == is_hidden
        if is_hidden:
            self.note(key, keep=keep, hidden=False)

    @rule(tenant=tenants, some=st.lists(keys, max_size=4, unique=True), keep=booleans)
    def bulk_delete(self, tenant: int, some: list[UUID], keep: bool) -> None:
        visible = [key for key in some if self.seen(key, tenant)]
        with self.work(tenant, keep=keep) as session:
            assert call(ArticleRepository(session).bulk_delete(some)) == len(visible)
        for key in visible:
            self.note(key, keep=keep, hidden=True)

    @rule(tenant=tenants, key=keys, title=titles)
    def upsert(self, tenant: int, key: UUID, title: str) -> None:
        row = {"id": key, "owner_id": self.owners[tenant], "title": title, "content": ""}
        known = self.written.get(key)
        if known is not None and known.tenant != tenant:
            with pytest.raises(DATABASE_ERRORS) as refused:
                self.write_over(tenant, row)
            assert get_sqlstate(refused.value) == TAKEN
            return
        if known is not None and known.hidden:
            with pytest.raises(ConflictError):
                self.write_over(tenant, row)
            return
        made = self.write_over(tenant, row)
        known = known or KnownArticle(tenant, title, False, False, made)
        self.written[key] = replace(known, title=title)

    def write_over(self, tenant: int, row: dict[str, Any]) -> ArticleRead:
        with self.work(tenant) as session:
            written = call(
                ArticleRepository(session).bulk_upsert(ArticleRead, [row], index_elements=["id"])
            )
        return written[0]

    @rule(
        tenant=tenants,
        query=st.builds(
            ArticleQuery,
            title__icontains=st.none() | titles,
            published=st.none() | booleans,
            sort=sorts,
            include_total=booleans,
            limit=st.integers(1, 3),
        ),
        inside=booleans,
        by_cursor=booleans,
    )
    def list(self, tenant: int, query: ArticleQuery, inside: bool, by_cursor: bool) -> None:
        expected = self.expected(tenant, query)
        if inside:
            with self.work(tenant) as session:
                found = self.pages(ArticleRepository(session), query, len(expected), by_cursor)
        else:
            articles = ArticleRepository(self.read_session(tenant))
            found = self.pages(articles, query, len(expected), by_cursor)
        assert found == expected

    def pages(
        self, articles: Any, query: ArticleQuery, total: int, by_cursor: bool
    ) -> "list[UUID]":
        """Return the ids of all pages."""
        found: list[UUID] = []
        cursor = "" if by_cursor else None
        while True:
            place = {"cursor": cursor} if by_cursor else {"offset": len(found)}
            page = call(articles.paginate(ArticleRead, query.model_copy(update=place)))
            assert page.total == (total if query.include_total else None)
            found.extend(item.id for item in page.items)
            cursor = page.next_cursor
            if cursor is None:
                return found

    def expected(self, tenant: int, query: ArticleQuery) -> "list[UUID]":
        found = [
            known
            for key in self.everything_of(tenant)
            if (known := self.seen(key, tenant))
            and (query.published is None or known.published == query.published)
            and (query.title__icontains or "").lower() in known.title.lower()
        ]
        by_title = query.sort.endswith("title")
        found.sort(
            key=lambda known: (known.title if by_title else "", known.read.id),
            reverse=query.sort.startswith("-"),
        )
        return [known.read.id for known in found]

    @rule(tenant=tenants, keep=booleans)
    def flip_all(self, tenant: int, keep: bool) -> None:
        """Run an UPDATE without WHERE."""
        own = self.everything_of(tenant)
        with self.work(tenant, keep=keep) as session:
            assert {row["id"] for row in call(session.fetch(FLIP_ALL))} == set(own)
        for key in own:
            self.note(key, keep=keep, published=not self.written[key].published)

    @rule(tenant=tenants, keep=booleans)
    def delete_all(self, tenant: int, keep: bool) -> None:
        """Run a DELETE without WHERE."""
        own = self.everything_of(tenant)
        with self.work(tenant, keep=keep) as session:
            assert {row["id"] for row in call(session.fetch(DELETE_ALL))} == set(own)
        for key in own if keep else ():
            del self.written[key]

    @rule(tenant=tenants, other=tenants)
    def give_all_away(self, tenant: int, other: int) -> None:
        """Try to move rows to another tenant."""
        assume(tenant != other and self.everything_of(tenant))
        with pytest.raises(DATABASE_ERRORS) as refused, self.work(tenant) as session:
            call(session.execute(GIVE_ALL_AWAY, {"tenant_id": self.ids[other]}))
        assert get_sqlstate(refused.value) == REFUSED_BY_POLICY

    @rule()
    def visit_each(self) -> None:
        """Iterate over the tenants; each sees its own rows, and older tenants see none."""
        for visited in call.collect(iterate_tenants(self.database, reason="model")):
            number = self.ids.index(visited.tenant_id) if visited.tenant_id in self.ids else None
            own = [] if number is None else self.everything_of(number)
            assert {row["id"] for row in call(visited.read_session().fetch(ALL))} == set(own)

    @invariant()
    def every_tenant_sees_its_own(self) -> None:
        for number in range(TENANTS):
            rows = call(self.read_session(number).fetch(ALL))
            own = {self.written[key].row() for key in self.everything_of(number)}
            assert {tuple(row.values()) for row in rows} == own, "sees what is not its own"
        assert call(self.database.read_session(tenant_id=None).fetch(ALL)) == []


@pytest.fixture
def machine(settings: Settings) -> Iterator[type[TenantMachine]]:
    """Yield the state machine, on a database that SABOTAGE may leave unprotected."""
    owner = settings.model_copy(update={"database_url": settings.migration_database_url})
    with (
        open_database(settings) as TenantMachine.database,
        open_database(owner) as TenantMachine.owned,
    ):
        if sabotage := os.environ.get("SABOTAGE"):
            with call.within(TenantMachine.owned.transaction(tenant_id=None)) as session:
                call(session.execute(text(sabotage)))
        yield TenantMachine
    call.loop.close()


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    database = Database.from_settings(settings)
    yield database
    call(database.dispose())


def test_tenants_see_their_own(machine: type[TenantMachine]) -> None:
    phases = [Phase.generate] if os.environ.get("SABOTAGE") else [Phase.generate, Phase.shrink]
    run_state_machine_as_test(
        machine,
        settings=configure(
            max_examples=60,
            stateful_step_count=30,
            phases=phases,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
