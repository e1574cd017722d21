"""Asks the database whether a table's rules allow the rows of tests, and writes nothing there."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, text

from app.core.sql.errors import DATABASE_ERRORS

from chassis_tools.adoption.baseline import Baseline, bound, quoted
from chassis_tools.adoption.baseline import text as sql_text
from chassis_tools.adoption.resource import ExistingResource
from chassis_tools.adoption.rows import Row, as_sql, candidates
from chassis_tools.inspection.reader import restrain
from chassis_tools.inspection.tables import Column, Table
from chassis_tools.scaffolding.fields import Field

# A text or a name in quotes, else the word that stands for the value in a domain's condition.
VALUE = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|\bVALUE\b""")
KEYS = {"UUID": "00000000-0000-0000-0000-000000000001", "int": "1", "str": "1"}


def find_rows(
    connection: Connection, resources: Sequence[ExistingResource], baseline: Baseline
) -> dict[str, Row]:
    """For each table a row that its rules allow, if one was found."""
    connection = connection.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    found = {}
    for resource in resources:
        plain = baseline.plain(resource.table)
        for row in candidates(resource, plain):
            if allows(connection, resource, plain, row.fields):
                found[plain.name] = replace(row, changes=change(connection, resource, plain, row))
                break
    return found


def change(
    connection: Connection, resource: ExistingResource, plain: Table, row: Row
) -> list[Field]:
    """The first change that the rules allow, if any."""
    for field in row.changes:
        samples = replace(field.kind.samples, payload=field.change)
        changed = replace(field, kind=replace(field.kind, samples=samples))
        others = [one for one in row.fields if one.name != field.name]
        if allows(connection, resource, plain, [*others, changed]):
            return [field]
    return []


def allows(
    connection: Connection, resource: ExistingResource, plain: Table, fields: Sequence[Field]
) -> bool:
    """Whether the types and checks take the values; it is a question, and makes no row."""
    values = {field.name: as_sql(field.payload) for field in fields}
    attributes = resource.attributes[plain.name]
    given = {
        column: values[attribute] for column, attribute in attributes.items() if attribute in values
    }
    try:
        with connection.begin():
            restrain(connection)
            return bool(connection.scalar(text(bound(question(plain, given)))))
    except DATABASE_ERRORS:
        return False


def question(table: Table, values: Mapping[str, str]) -> str:
    """A query that is true of a row within the rules, and fails where a type refuses a value.

    It names nothing that the database's users made, neither now nor by the time that it runs: a
    rule that needs such a thing cannot be tried, and no row is known to be within it.
    """
    row = ", ".join(
        f"{value_of(table, column, values)} AS {quoted(column.name)}" for column in table.columns
    )
    rules = [f"({condition}) IS NOT FALSE" for condition in conditions(table)]
    told = " AND ".join(["CAST(candidate AS text) IS NOT NULL", *rules])
    return f"SELECT {told} FROM (SELECT {row}) AS candidate"  # noqa: S608 (all of it is quoted)


def conditions(table: Table) -> Iterator[str]:
    """The table's checks, and those of its columns' domains."""
    for check in table.checks:
        yield check.condition if check.state.is_harmless else "FALSE"
    for column in table.columns:
        name = quoted(column.name)
        for rule in column.rules:
            yield about(rule.condition, name) if rule.is_harmless else f"{name} IS NULL"


def about(condition: str, name: str) -> str:
    """A domain's condition, said of a column."""
    return VALUE.sub(lambda found: found[1] or name, condition)


def value_of(table: Table, column: Column, values: Mapping[str, str]) -> str:
    """A column's value in the row, as an expression."""
    is_bound = any(column.name in key.columns for key in table.foreign_keys)
    is_numbered = column.identity or "nextval(" in (column.default or "")
    value = sql_text(values[column.name]) if column.name in values else "NULL"
    if column.name not in values and not column.generated:
        if is_numbered or (not column.nullable and (is_bound or not column.default)):
            value = sql_text(KEYS.get(column.type.python, "1"))
        elif column.default and column.default_state.is_harmless:
            value = column.default
    return f"CAST({value} AS {column.built_in or 'text'})"
