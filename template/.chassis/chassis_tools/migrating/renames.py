"""Renames of tables and columns, which autogenerate would write as a drop and a new one."""

from dataclasses import dataclass

from alembic.operations.ops import AlterColumnOp, MigrateOperation, RenameTableOp
from sqlalchemy import Connection, inspect

from app.core.models import Base

from manage.errors import CommandError

FORMAT = "write it as TABLE.COLUMN:NEW for a column, or as TABLE:NEW for a table"


@dataclass(frozen=True)
class Rename:
    """The operations that rename a table or column, and rename it back."""

    upgrade: MigrateOperation
    downgrade: MigrateOperation


def resolve_rename(connection: Connection, argument: str) -> Rename:
    """Return the operations for `old:new`; raise CommandError unless exactly one name matches."""
    old, _, new = argument.partition(":")
    if not (old and new.isidentifier()):
        raise CommandError(f"--rename {argument}: {FORMAT}")
    tables = read_columns(connection)
    if old in tables:
        return rename_table(old, new)
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


def rename_table(old: str, new: str) -> Rename:
    """Return the operations that rename a table."""
    schema, _, name = old.rpartition(".")
    key = ".".join(filter(None, (schema, new)))
    if key not in Base.metadata.tables or old in Base.metadata.tables:
        raise CommandError(f"--rename {old}:{new}: no model has the table {key} in place of {old}")
    return Rename(
        RenameTableOp(name, new, schema=schema or None),
        RenameTableOp(new, name, schema=schema or None),
    )


def rename_column(table: str, old: str, new: str) -> Rename:
    """Return the operations that rename a column."""
    schema, _, name = table.rpartition(".")
    return Rename(
        AlterColumnOp(name, old, schema=schema or None, modify_name=new),
        AlterColumnOp(name, new, schema=schema or None, modify_name=old),
    )
