"""What SQLAlchemy's Inspector and the catalog say about each table, in a query for all tables."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, TextClause, inspect
from sqlalchemy.engine.reflection import ObjectKind

from manage.inspection.catalog import CONSTRAINTS, EXPRESSIONS, FEATURES, INDEXES, TYPES

Facts = Mapping[str, Any]
ByTable = dict[str, list[Facts]]

INSPECTOR = {
    "columns": "get_multi_columns",
    "key": "get_multi_pk_constraint",
    "uniques": "get_multi_unique_constraints",
    "checks": "get_multi_check_constraints",
    "indexes": "get_multi_indexes",
    "foreign_keys": "get_multi_foreign_keys",
    "comment": "get_multi_table_comment",
}
CATALOG = {
    "types": TYPES,
    "constraints": CONSTRAINTS,
    "index_definitions": INDEXES,
    "features": FEATURES,
    "expressions": EXPRESSIONS,
}


@dataclass(frozen=True)
class Source:
    """The facts about one table: above what the Inspector says, below what the catalog does."""

    columns: list[Facts]
    key: Facts
    uniques: list[Facts]
    checks: list[Facts]
    indexes: list[Facts]
    foreign_keys: list[Facts]
    comment: Facts
    types: list[Facts]
    constraints: list[Facts]
    index_definitions: list[Facts]
    features: list[Facts]
    expressions: list[Facts]


def read_sources(connection: Connection, schema: str, tables: Collection[str]) -> dict[str, Source]:
    """The facts about each of the tables."""
    inspector = inspect(connection)
    inspected: dict[str, dict[tuple[str, str], Any]] = {
        part: getattr(inspector, method)(
            schema=schema, filter_names=list(tables), kind=ObjectKind.ANY
        )
        for part, method in INSPECTOR.items()
    }
    catalog = {part: by_table(connection, query, schema) for part, query in CATALOG.items()}
    return {
        name: Source(**parts_of(inspected, (schema, name)), **parts_of(catalog, name))
        for name in tables
    }


def parts_of(sources: Mapping[str, Mapping[Any, Any]], table: object) -> dict[str, Any]:
    """What each source says about a table."""
    return {part: found[table] for part, found in sources.items()}


def by_table(connection: Connection, query: TextClause, schema: str) -> ByTable:
    """The rows of a question to the catalog, by table."""
    found: ByTable = defaultdict(list)
    for row in connection.execute(query, {"schema": schema}).mappings():
        found[row["table"]].append(dict(row))
    return found
