"""Renames of tables and columns, which autogenerate would write as a drop and a new one."""

from collections.abc import Iterator
from dataclasses import dataclass

from alembic.operations.ops import AlterColumnOp, ExecuteSQLOp, MigrateOperation
from sqlalchemy import Connection, inspect

from app.core.models import NAMING_CONVENTION, Base

from chassis_tools.adoption.baseline import escape_colons
from manage.errors import CommandError

FORMAT = "write it as TABLE.COLUMN:NEW for a column, or as TABLE:NEW for a table"


@dataclass(frozen=True)
class Rename:
    """The operations that rename a table or column, and rename it back."""

    upgrade: list[MigrateOperation]
    downgrade: list[MigrateOperation]


def resolve_rename(connection: Connection, argument: str) -> Rename:
    """Return the operations for `old:new`; raise CommandError unless exactly one name matches."""
    old, _, new = argument.partition(":")
    if not (old and new.isidentifier()):
        raise CommandError(f"--rename {argument}: {FORMAT}")
    tables = read_columns(connection)
    if old in tables:
        return rename_table(connection, old, new)
    table, _, column = old.rpartition(".")
    candidates = [
        name
        for name, columns in tables.items()
        if name == (table or name) and column in columns and is_renamed(name, column, new)
    ]
    if len(candidates) != 1:
        reason = (
            f"matches a column of each of {', '.join(candidates)}"
            if candidates
            else "matches no column that the database has and its model renames"
        )
        raise CommandError(f"--rename {argument} {reason}: {FORMAT}")
    if new in tables[candidates[0]]:
        raise CommandError(
            f"--rename {argument}: {candidates[0]} already has the column {new}. Roll back the"
            " migration that added it"
        )
    return rename_column(candidates[0], column, new)


def read_columns(connection: Connection) -> dict[str, set[str]]:
    """Return the names of the database's columns by table, for the schemas that models use."""
    schemas = {table.schema for table in Base.metadata.tables.values()}
    return {
        ".".join(filter(None, key)): {column["name"] for column in columns}
        for schema in {None, *schemas}
        for key, columns in inspect(connection).get_multi_columns(schema=schema).items()
    }


def is_renamed(table: str, column: str, new: str) -> bool:
    """Return True if the table's model has the new column and lacks the old one."""
    model = Base.metadata.tables.get(table)
    return model is not None and new in model.c and column not in model.c


def rename_table(connection: Connection, old: str, new: str) -> Rename:
    """Return the operations that rename a table and its CHECK constraints."""
    schema, _, name = old.rpartition(".")
    key = ".".join(filter(None, (schema, new)))
    if key not in Base.metadata.tables or old in Base.metadata.tables:
        raise CommandError(f"--rename {old}:{new}: no model has the table {key} in place of {old}")
    if key in read_columns(connection):
        raise CommandError(
            f"--rename {old}:{new}: the database already has the table {key}. Roll back the"
            " migration that created it"
        )
    checks = inspect(connection).get_check_constraints(name, schema=schema or None)
    names = [check["name"] for check in checks if check["name"]]
    return Rename(
        [run_rename(connection, old, new), *rename_checks(connection, names, old, key)],
        [
            run_rename(connection, key, name),
            *rename_checks(connection, names, old, key, reverse=True),
        ],
    )


def rename_checks(
    connection: Connection, names: list[str], old: str, new: str, *, reverse: bool = False
) -> Iterator[MigrateOperation]:
    """Yield the operations that adapt the names of constraints to a new name of their table."""
    old_prefix, new_prefix = (
        NAMING_CONVENTION["ck"] % {"table_name": table.rpartition(".")[2], "constraint_name": ""}
        for table in (old, new)
    )
    for name in names:
        if name.startswith(old_prefix):
            renamed = new_prefix + name.removeprefix(old_prefix)
            if reverse:
                yield run_rename(connection, old, name, constraint=renamed)
            else:
                yield run_rename(connection, new, renamed, constraint=name)


def run_rename(
    connection: Connection, table: str, new: str, *, constraint: str | None = None
) -> MigrateOperation:
    """Return the operation that renames a table or constraint, which Alembic does not render."""
    quote = connection.dialect.identifier_preparer.quote
    qualified_name = ".".join(map(quote, table.split(".")))
    part = f"RENAME CONSTRAINT {quote(constraint)}" if constraint else "RENAME"
    return ExecuteSQLOp(escape_colons(f"ALTER TABLE {qualified_name} {part} TO {quote(new)}"))


def rename_column(table: str, old: str, new: str) -> Rename:
    """Return the operations that rename a column."""
    schema, _, name = table.rpartition(".")
    return Rename(
        [AlterColumnOp(name, old, schema=schema or None, modify_name=new)],
        [AlterColumnOp(name, new, schema=schema or None, modify_name=old)],
    )
