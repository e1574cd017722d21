"""The statements of the generic repository, each built once and run with parameters."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache, lru_cache
from inspect import getattr_static
from typing import Any

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    Column,
    ColumnElement,
    Label,
    Select,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    literal,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate

from app.core.schemas import Paging, ReadSchema, get_item_schema
from app.core.sql.compiled import compile_once
from app.core.sql.filters import (
    Sort,
    build_conditions,
    get_key,
    get_key_attributes,
    get_key_names,
)
from app.core.tables import NOT_DELETED

TOTAL = "__total"

# A subclass of Repository, typed as Any because mypy does not accept a class as the Hashable
# that the caches require.
RepositoryClass = Any


def scope_statement(repository: RepositoryClass, statement: Select[Any]) -> Select[Any]:
    """Restrict a statement to the rows of the repository."""
    result: Select[Any] = repository.apply_scope(statement)
    return result


def select_columns(
    model: Any, schema: type[ReadSchema], *, skipped: Collection[str] = ()
) -> list[Label[Any]]:
    """Return the model's columns for a schema's fields; raise TypeError if one is missing."""
    check_schema(model, schema)
    mapper = inspect(model)
    hybrids = find_hybrids(model)
    names = [name for name in schema.model_fields if name not in skipped]
    missing = [name for name in names if name not in mapper.columns and name not in hybrids]
    if related := [name for name in missing if name in mapper.relationships]:
        raise TypeError(
            f"{schema.__name__}.{related[0]} is a relationship of {model.__name__}, and this method"
            f" reads columns only: load the entities with select({model.__name__})"
            f".options(selectinload({model.__name__}.{related[0]})) and self.session.scalars in a"
            f" method of the repository, which needs SessionDep, and build the schema with"
            f" {schema.__name__}.model_validate"
        )
    if missing:
        raise TypeError(
            f"{schema.__name__} has fields that {model.__name__} lacks: {', '.join(missing)}"
        )
    return [getattr(model, name).label(name) for name in names]


@cache
def find_collections(model: Any, schema: Any) -> tuple[str, ...]:
    """Return the fields of a schema that are lists of related rows."""
    related = inspect(model).relationships
    return tuple(
        name
        for name, field in schema.model_fields.items()
        if name in related and related[name].uselist and get_item_schema(field.annotation)
    )


def check_schema(model: type[Any], schema: object) -> None:
    """Raise TypeError if an entity, a model or another object was passed as the schema."""
    if not isinstance(schema, type) or not issubclass(schema, ReadSchema):
        raise TypeError(
            f"Pass a read schema and values, as in create({model.__name__}Read, name=value); "
            "to store an entity, call session.add(entity) and session.flush()"
        )


@cache
def find_hybrids(model: Any) -> frozenset[str]:
    """Return the names of a model's hybrid properties."""
    descriptors = inspect(model).all_orm_descriptors.items()
    return frozenset(name for name, value in descriptors if isinstance(value, hybrid_property))


def check_entity(session: Any, entity: object) -> None:
    """Raise TypeError if an object is no entity of a session, which would not write its changes."""
    if inspect(entity, raiseerr=False) is None or isinstance(entity, type):
        raise TypeError(f"Pass an entity, as get returns it, not {entity!r}")
    if entity not in session:
        raise TypeError(f"{entity!r} was not loaded in this session: load it with get first")


@cache
def check_update(model: Any, names: frozenset[str]) -> None:
    """Raise TypeError if a name is no attribute that can be stored."""
    mapper = inspect(model)
    expressions = {
        attribute.key
        for attribute in mapper.column_attrs
        if not isinstance(attribute.columns[0], Column)
    }
    stored = {attribute.key for attribute in mapper.attrs} - expressions
    for name in sorted(names - stored):
        descriptor = mapper.all_orm_descriptors.get(name) or getattr_static(model, name, None)
        if getattr(descriptor, "fset", None) is None:
            raise TypeError(f"{model.__name__} has no attribute {name!r} that can be stored")


def return_changes(entity: Any) -> None:
    """Make the next flush return the stored values of the changed columns.

    An UPDATE returns a column that it sets only if the value is an expression.
    """
    state = inspect(entity)
    for attribute in state.mapper.column_attrs:
        column = attribute.columns[0]
        changed = state.attrs[attribute.key].history.added
        if changed and not column.primary_key and not isinstance(changed[0], ClauseElement):
            state.dict[attribute.key] = type_coerce(literal(changed[0], column.type), column.type)


def find_expired_columns(entity: Any) -> list[str]:
    """Return the column attributes that a flush has expired, such as those of an expression."""
    state = inspect(entity)
    expired = state.expired_attributes
    return [attribute.key for attribute in state.mapper.column_attrs if attribute.key in expired]


@compile_once
def build_read_statement(repository: RepositoryClass, schema: type[ReadSchema]) -> Select[Any]:
    """Build the SELECT of one row by its key, without the schema's lists of related rows."""
    model = repository.model
    check_schema(model, schema)
    columns = select_columns(model, schema, skipped=find_collections(model, schema))
    statement = select(*columns).where(*build_conditions(model, get_key_names(model)))
    return scope_statement(repository, statement)


@compile_once
def build_collection_statement(model: Any, schema: Any, name: str) -> Select[Any]:
    """Build the SELECT of the related rows in a field of the row with this key."""
    relationship = inspect(model).relationships[name]
    item = get_item_schema(schema.model_fields[name].annotation) or ReadSchema
    columns = select_columns(relationship.mapper.class_, item)
    row: Any = aliased(model)  # The related rows may be in the same table.
    key = [getattr(row, attribute) == bindparam(attribute) for attribute in get_key_names(model)]
    statement = select(*columns).select_from(row).join(getattr(row, name)).where(*key)
    return statement.order_by(*(relationship.order_by or ()))


@compile_once
def build_read_many_statement(repository: RepositoryClass, schema: type[ReadSchema]) -> Select[Any]:
    """Build the SELECT of the rows whose keys are in `ids`."""
    model = repository.model
    ids: BindParameter[Any] = bindparam("ids", expanding=True)
    statement = select(*select_columns(model, schema)).where(get_key(model).in_(ids))
    return scope_statement(repository, statement)


@compile_once
def build_page_statement(
    repository: RepositoryClass,
    schema: type[ReadSchema],
    filters: tuple[str, ...],
    sort_name: str,
    paging: Paging,
    include_total: bool,
) -> Select[Any]:
    """Build the SELECT of one page; with `include_total`, each row has the total."""
    model = repository.model
    sort = Sort.parse(model, sort_name)
    statement: Select[Any] = select(*select_columns(model, schema), *sort.cursor_columns)
    statement = scope_statement(repository, statement.where(*build_conditions(model, filters)))
    if include_total:
        statement = statement.add_columns(
            build_count(repository, filters).scalar_subquery().label(TOTAL)
        )
    if paging == "offset":
        statement = statement.offset(bindparam("offset"))
    elif paging == "after_cursor":
        statement = statement.where(sort.after_cursor)
    return statement.order_by(*sort.order).limit(bindparam("limit"))


def build_count(repository: RepositoryClass, filters: tuple[str, ...]) -> Select[Any]:
    """Build the SELECT of the number of rows that match the filters."""
    model = repository.model
    statement = select(func.count().label(TOTAL)).select_from(model)
    return scope_statement(repository, statement.where(*build_conditions(model, filters)))


build_count_statement = compile_once(build_count)


@compile_once
def build_exists_statement(repository: RepositoryClass, filters: tuple[str, ...]) -> Select[Any]:
    """Build the SELECT of one row that matches the filters."""
    model = repository.model
    statement = select(literal(1)).select_from(model)
    statement = statement.where(*build_conditions(model, filters)).limit(1)
    return scope_statement(repository, statement)


@cache
def get_column_keys(model: type[Any]) -> dict[str, str]:
    """Return the key of its column in the model's table for each attribute that has one."""
    mapper = inspect(model)
    columns = {attribute.key: attribute.columns[0] for attribute in mapper.column_attrs}
    table = mapper.local_table.c
    return {name: column.key for name, column in columns.items() if table.get(column.key) is column}


def build_insert_values(
    model: Any, schema: object, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return rows with the keys of columns instead of attributes' names; all have the same names.

    Raises TypeError if a value belongs to no column, or if an entity was passed as the schema.
    """
    check_schema(model, schema)
    keys = get_column_keys(model)
    for row in rows:
        if not isinstance(row, Mapping):
            raise TypeError(f"Pass a dictionary of values for each row, not {row!r}")
        if unknown := [name for name in row if name not in keys]:
            raise TypeError(f"{model.__name__} has no column {unknown[0]!r}")
        if different := sorted(row.keys() ^ rows[0].keys()):
            raise TypeError(f"Give all rows a value for {different[0]!r}, or none")
    return [{keys[name]: value for name, value in row.items()} for row in rows]


@cache
def build_insert_statement(model: type[Any], schema: type[ReadSchema]) -> ReturningInsert[Any]:
    """Build the INSERT … RETURNING a schema's columns."""
    return insert(inspect(model).local_table).returning(
        *select_columns(model, schema), sort_by_parameter_order=True
    )


@lru_cache(maxsize=256)
def build_upsert_statement(
    repository: RepositoryClass,
    schema: type[ReadSchema],
    index_elements: tuple[str, ...],
    columns: tuple[str, ...],
) -> ReturningInsert[Any]:
    """Build the INSERT … ON CONFLICT (index_elements) DO UPDATE … RETURNING a schema's columns."""
    model = repository.model
    table = inspect(model).local_table
    statement = postgresql.insert(table)
    keys = get_column_keys(model)
    if unknown := [name for name in index_elements if name not in keys or name == "tenant_id"]:
        raise TypeError(
            f"index_elements must be names of columns of {model.__name__} with a unique"
            f" constraint, without tenant_id: not {unknown[0]!r}"
        )
    changed = [keys[name] for name in columns if name not in index_elements]
    values = {key: statement.excluded[key] for key in changed}
    timestamps = {"updated_at": func.now()} if "updated_at" in table.c else {}
    # Must match the unique index of build_table, which is partial with soft delete.
    prefix = ("tenant_id",) if "tenant_id" in table.c else ()
    is_partial = "deleted_at" in table.c and index_elements != ("id",)
    return statement.on_conflict_do_update(
        index_elements=[table.c[keys[name]] for name in (*prefix, *index_elements)],
        index_where=NOT_DELETED if is_partial else None,
        set_=values | timestamps,
        where=build_upsert_condition(repository, index_elements),
    ).returning(*select_columns(model, schema))


def build_upsert_condition(
    repository: RepositoryClass, index_elements: tuple[str, ...]
) -> ColumnElement[bool] | None:
    """Build the condition that an existing row is one of the repository's; None if all are."""
    model = repository.model
    names = {name: inspect(model).columns[name].name for name in index_elements}
    key = get_key_attributes(model)
    existing = select(*key).where(
        *(
            getattr(model, attribute) == literal_column(f'excluded."{name}"')
            for attribute, name in names.items()
        )
    )
    scoped = scope_statement(repository, existing)
    return None if scoped is existing else get_key(model).in_(scoped.correlate(None))


def build_restore_statement(model: type[Any], **key: Any) -> ReturningUpdate[Any]:
    """Build the UPDATE that restores the soft-deleted row with this key."""
    statement = update(model).filter_by(**key).where(model.deleted_at.is_not(None))
    return statement.values(deleted_at=None).returning(*get_key_attributes(model))


@cache
def build_bulk_delete_statement(
    repository: RepositoryClass,
) -> ReturningUpdate[Any] | ReturningDelete[Any]:
    """Build the DELETE of the repository's rows in `ids`, or the UPDATE that soft-deletes them."""
    model = repository.model
    key = get_key_attributes(model)
    existing = select(*key).where(get_key(model).in_(bindparam("ids", expanding=True)))
    condition = get_key(model).in_(scope_statement(repository, existing).correlate(None))
    if "deleted_at" in inspect(model).columns:
        return update(model).where(condition).values(deleted_at=func.now()).returning(*key)
    return delete(model).where(condition).returning(*key)
