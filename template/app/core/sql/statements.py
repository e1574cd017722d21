"""The generic repository's statements: each is built once, then only given parameters."""

from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Label,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate

from app.core.schemas import Paging, ReadSchema
from app.core.sql.filters import Sort, conditions
from app.core.sql.prepared import prepared
from app.core.tables import LIVE_ROWS

TOTAL, SORT_VALUE, KEY = "__total", "__sort_value", "__key"


# A repository class: its `model`, and how it narrows a statement. Any, because mypy does not take a
# class for Hashable, which the caches ask for.
Source = Any


def scope_statement(source: Source, statement: Select[Any]) -> Select[Any]:
    """The statement over the rows that exist for the repository."""
    result: Select[Any] = source.apply_scope(statement)
    return result


def fields(model: type[Any], schema: type[ReadSchema]) -> list[Label[Any]]:
    """The model's columns that a schema reads."""
    columns = inspect(model).columns
    missing = [name for name in schema.model_fields if name not in columns]
    if missing:
        raise TypeError(
            f"{schema.__name__} reads {', '.join(missing)}, which {model.__name__} does not have"
        )
    return [getattr(model, name).label(name) for name in schema.model_fields]


@prepared
def read_statement(source: Source, schema: type[ReadSchema]) -> Select[Any]:
    """One row by `id`."""
    statement = select(*fields(source.model, schema)).where(source.model.id == bindparam("id"))
    return scope_statement(source, statement)


@prepared
def read_many_statement(source: Source, schema: type[ReadSchema]) -> Select[Any]:
    """The rows whose key is among `ids`."""
    ids: BindParameter[Any] = bindparam("ids", expanding=True)
    statement = select(*fields(source.model, schema)).where(source.model.id.in_(ids))
    return scope_statement(source, statement)


@prepared
def page_statement(
    source: Source,
    schema: type[ReadSchema],
    filters: tuple[str, ...],
    sort_name: str,
    paging: Paging,
) -> Select[Any]:
    """One page of the rows that match the filters; by offset it carries the total."""
    sort = Sort.parse(source.model, sort_name)
    statement: Select[Any] = select(
        *fields(source.model, schema), sort.column.label(SORT_VALUE), sort.key.label(KEY)
    )
    statement = scope_statement(source, statement.where(*conditions(source.model, filters)))
    if paging == "offset":
        total = count_rows(source, filters).scalar_subquery().label(TOTAL)
        statement = statement.add_columns(total).offset(bindparam("offset"))
    elif paging == "after cursor":
        statement = statement.where(sort.after_cursor)
    return statement.order_by(*sort.order).limit(bindparam("limit"))


def count_rows(source: Source, filters: tuple[str, ...]) -> Select[Any]:
    """How many rows match the filters."""
    statement = select(func.count().label(TOTAL)).select_from(source.model)
    return scope_statement(source, statement.where(*conditions(source.model, filters)))


count_statement = prepared(count_rows)


@prepared
def exists_statement(source: Source, filters: tuple[str, ...]) -> Select[Any]:
    """A row if one matches the filters."""
    statement = select(source.model.id).where(*conditions(source.model, filters)).limit(1)
    return scope_statement(source, statement)


@cache
def insert_statement(model: type[Any], schema: type[ReadSchema]) -> ReturningInsert[Any]:
    """INSERT … RETURNING what a schema reads; the values are parameters."""
    return insert(inspect(model).local_table).returning(
        *fields(model, schema), sort_by_parameter_order=True
    )


@lru_cache(maxsize=256)
def upsert_statement(
    model: type[Any], schema: type[ReadSchema], key: tuple[str, ...], columns: tuple[str, ...]
) -> ReturningInsert[Any]:
    """INSERT … ON CONFLICT (key) DO UPDATE … RETURNING what a schema reads."""
    table = inspect(model).local_table
    statement = postgresql.insert(table)
    changed = {name: statement.excluded[name] for name in columns if name not in key}
    live_only = "deleted_at" in table.c and key != ("id",)
    led_by = ("tenant_id",) if "tenant_id" in table.c else ()
    touched = {"updated_at": func.now()} if "updated_at" in table.c else {}
    return statement.on_conflict_do_update(
        index_elements=[table.c[name] for name in (*led_by, *key)],
        index_where=LIVE_ROWS if live_only else None,
        set_=changed | touched,
    ).returning(*fields(model, schema))


@cache
def restore_statement(model: type[Any]) -> ReturningUpdate[Any]:
    """UPDATE … of one soft-deleted row, `record_id`, that makes it live again."""
    is_deleted = and_(model.id == bindparam("record_id"), model.deleted_at.is_not(None))
    return update(model).where(is_deleted).values(deleted_at=None).returning(model.id)


@cache
def bulk_delete_statement(model: type[Any]) -> ReturningUpdate[Any] | ReturningDelete[Any]:
    """DELETE of the rows among `ids`, or what hides them if the model is soft-deleted."""
    named = model.id.in_(bindparam("ids", expanding=True))
    if "deleted_at" in inspect(model).columns:
        live = and_(named, model.deleted_at.is_(None))
        return update(model).where(live).values(deleted_at=func.now()).returning(model.id)
    return delete(model).where(named).returning(model.id)
