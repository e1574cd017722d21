"""Queries that check whether a database would accept test rows, without writing them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, text

from app.core.sql.errors import DATABASE_ERRORS

from chassis_tools.adoption.baseline import Baseline, escape_colons, quote_name, quote_string
from chassis_tools.adoption.resource import ExistingResource
from chassis_tools.adoption.rows import Row, list_candidates, to_sql
from chassis_tools.inspection.reader import restrict_session
from chassis_tools.inspection.tables import Column, Table
from chassis_tools.scaffolding.fields import Field

# A string or a quoted name, or VALUE, which stands for the value in a domain's condition.
VALUE = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|\bVALUE\b""")
SAMPLE_KEYS = {"UUID": "00000000-0000-0000-0000-000000000001", "int": "1", "str": "1"}


def find_rows(
    connection: Connection, resources: Sequence[ExistingResource], baseline: Baseline
) -> dict[str, Row]:
    """Find an accepted row for each table; omit tables whose constraints accept none."""
    connection = connection.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    rows = {}
    for resource in resources:
        simplified = baseline.simplify(resource.table)
        for row in list_candidates(resource, simplified):
            if is_allowed(connection, resource, simplified, row.fields):
                rows[simplified.name] = replace(
                    row, changes=find_change(connection, resource, simplified, row)
                )
                break
    return rows


def find_change(
    connection: Connection, resource: ExistingResource, simplified: Table, row: Row
) -> list[Field]:
    """Find the first change that satisfies the constraints."""
    for field in row.changes:
        samples = replace(field.kind.samples, payload=field.change)
        changed = replace(field, kind=replace(field.kind, samples=samples))
        others = [other for other in row.fields if other.name != field.name]
        if is_allowed(connection, resource, simplified, [*others, changed]):
            return [field]
    return []


def is_allowed(
    connection: Connection, resource: ExistingResource, simplified: Table, fields: Sequence[Field]
) -> bool:
    """Return True if the columns' types and checks accept the values, without creating a row."""
    values = {field.name: to_sql(field.payload) for field in fields}
    attributes = resource.attributes[simplified.name]
    by_column = {
        column: values[attribute] for column, attribute in attributes.items() if attribute in values
    }
    try:
        with connection.begin():
            restrict_session(connection)
            return bool(connection.scalar(text(escape_colons(build_query(simplified, by_column)))))
    except DATABASE_ERRORS:
        return False


def build_query(table: Table, values: Mapping[str, str]) -> str:
    """Build a query that returns true for an allowed row, and fails if a type rejects a value.

    The query uses no user-defined object, which could run code; conditions that need such an object
    count as false.
    """
    row = ", ".join(
        f"{build_value(table, column, values)} AS {quote_name(column.name)}"
        for column in table.columns
    )
    rules = [f"({rule}) IS NOT FALSE" for rule in list_conditions(table)]
    condition = " AND ".join(["CAST(candidate AS text) IS NOT NULL", *rules])
    return f"SELECT {condition} FROM (SELECT {row}) AS candidate"  # noqa: S608 (all parts quoted)


def list_conditions(table: Table) -> Iterator[str]:
    """Yield the conditions of a table's checks and of its columns' domains."""
    for check in table.checks:
        yield check.condition if check.expression.is_safe else "FALSE"
    for column in table.columns:
        name = quote_name(column.name)
        for rule in column.domain_checks:
            yield replace_value(rule.condition, name) if rule.is_safe else f"{name} IS NULL"


def replace_value(condition: str, name: str) -> str:
    """Replace VALUE in a domain's condition with a column's name."""
    return VALUE.sub(lambda match: match[1] or name, condition)


def build_value(table: Table, column: Column, values: Mapping[str, str]) -> str:
    """Build the expression for a column's value."""
    has_foreign_key = any(column.name in key.columns for key in table.foreign_keys)
    is_numbered = column.identity or "nextval(" in (column.default or "")
    value = quote_string(values[column.name]) if column.name in values else "NULL"
    if column.name not in values and not column.generated:
        if is_numbered or (not column.nullable and (has_foreign_key or not column.default)):
            value = quote_string(SAMPLE_KEYS.get(column.type.python, "1"))
        elif column.default and column.default_expression.is_safe:
            value = column.default
    return f"CAST({value} AS {column.built_in or 'text'})"
