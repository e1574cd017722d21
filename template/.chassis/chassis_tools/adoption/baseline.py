"""The migration that creates existing tables in a new database."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.dialects import postgresql

from chassis_tools.inspection.tables import Column, Feature, ForeignKey, Schema, Table
from chassis_tools.scaffolding.words import COLUMN_WORDS, SQL_WORDS

PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
NOT_PLAIN = SQL_WORDS | COLUMN_WORDS
# The name in a text that stands for a table or a sequence, else a text, a name in quotes, a schema.
PUBLIC = re.compile(
    r"""'public\.((?:[^']|'')*)'(?=::reg)|'(?:[^']|'')*'|"(?:[^"]|"")*"|\bpublic\."""
)


def quoted(name: str) -> str:
    """A name, in quotes where PostgreSQL writes it so."""
    if PLAIN.fullmatch(name) and name not in NOT_PLAIN:
        return name
    return '"' + name.replace('"', '""') + '"'


def is_unknown(name: str) -> bool:
    """Whether SQLAlchemy would leave a name without the quotes that it needs."""
    return name in SQL_WORDS and DIALECT.identifier_preparer.quote(name) == name


def text(value: str) -> str:
    """A text of SQL."""
    return "'" + value.replace("'", "''") + "'"


def block(body: str) -> str:
    """A statement that runs a body of PL/pgSQL, in dollars that the body does not hold."""
    tag = "$$"
    while tag in body:
        tag = f"${tag.strip('$')}x$"
    return f"DO {tag} {body} {tag}"


def local(sql: str) -> str:
    """SQL as the database writes it for who has `public` on the path."""
    return PUBLIC.sub(without_schema, sql)


def without_schema(found: re.Match[str]) -> str:
    """What was found, without the schema unless that is part of a text."""
    if found[1] is not None:
        return f"'{found[1]}'"
    return "" if found[0] == "public." else found[0]


def bound(sql: str) -> str:
    """SQL in which no colon names a parameter."""
    return re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", sql)


TYPES = {
    "extension": "CREATE EXTENSION IF NOT EXISTS {name}",
    "enum": "CREATE TYPE {place} AS ENUM ({definition})",
    "domain": "CREATE DOMAIN {place} AS {definition}",
    "composite type": "CREATE TYPE {place} AS ({definition})",
    "range type": "CREATE TYPE {place} AS RANGE (SUBTYPE = {definition})",
    "sequence": "CREATE SEQUENCE {place}",
}
DROPS = {"sequence": "SEQUENCE", "domain": "DOMAIN", "extension": ""}
ROUTINES = ("aggregate", "function", "procedure", "window function")
SEQUENCE = re.compile(r"nextval\('((?:[^']|'')+)'::regclass\)")
HAS_ROWS = "These tables were there before the service, and have rows: drop them by hand"


@dataclass(frozen=True)
class Baseline:
    """The tables that are created, without what only SQL can say."""

    schema: Schema
    names: Sequence[str]
    earlier: str = ""
    """The text of the migrations that are there."""

    @property
    def tables(self) -> list[Table]:
        """The tables, without what needs code that is not created."""
        return [
            self.plain(table)
            for table in self.schema.tables
            if self._is_created(table) and not self._is_there(table)
        ]

    @property
    def create(self) -> list[str]:
        """The statements up."""
        tables = self.tables
        shared = [one.name for one in self.schema.objects if one.kind == "sequence"]
        name = self.schema.name
        return [
            *[f"CREATE SCHEMA IF NOT EXISTS {quoted(name)}"] * (name != "public"),
            *(TYPES[one.kind].format_map(placed(self.schema, one)) for one in self._objects()),
            *(statement for table in tables for statement in create_table(table, shared)),
            *self._foreign_keys(),
        ]

    @property
    def drop(self) -> list[str]:
        """The statements down, which refuse to lose rows."""
        places = [place_of(table) for table in self.tables]
        if not places:
            return []
        rows = "\n    OR ".join(f"EXISTS (SELECT FROM {place})" for place in places)
        raising = f"        RAISE EXCEPTION '{HAS_ROWS}';"
        guard = block(f"BEGIN\n    IF {rows} THEN\n{raising}\n    END IF;\nEND")
        kept = [one for one in self._objects() if one.kind != "extension"]
        drops = (
            f"DROP {DROPS.get(one.kind, 'TYPE')} {placed(self.schema, one)['place']}"
            for one in reversed(kept)
        )
        return [guard, f"DROP TABLE {', '.join(places)}", *drops]

    @property
    def left_out(self) -> list[str]:
        """What a new database lacks."""
        told = [
            f"{feature.kind} {feature.name}"
            for table in self.schema.tables
            if self._is_created(table)
            for feature in (*table.features, *self._lost_keys(table), *lost_code(table))
        ]
        views = [f"{one.kind} {one.name}" for one in self.schema.tables if "view" in one.kind]
        routines = [f"{one.kind} {one.name}" for one in self.schema.objects if one.kind in ROUTINES]
        return [*told, *views, *routines]

    def plain(self, table: Table) -> Table:
        """The table as it is created."""
        return replace(
            table,
            columns=tuple(map(plain_column, table.columns)),
            checks=tuple(one for one in table.checks if not one.state.is_lost),
            indexes=tuple(one for one in table.indexes if one.valid and not one.state.is_lost),
            foreign_keys=tuple(key for key in table.foreign_keys if self._can_refer(key)),
        )

    def _objects(self) -> list[Feature]:
        kinds = list(TYPES)
        created = [
            one
            for one in self.schema.objects
            if one.kind in TYPES and f" {placed(self.schema, one)['place']} " not in self.earlier
        ]
        return sorted(created, key=lambda feature: kinds.index(feature.kind))

    def _is_there(self, table: Table) -> bool:
        return f"CREATE TABLE {place_of(table)} (" in self.earlier

    def _is_created(self, table: Table) -> bool:
        is_table = table.kind in ("table", "partitioned table")
        is_part = any(feature.kind == "partition of" for feature in table.features)
        return is_table and not is_part and table.name in self.names

    def _foreign_keys(self) -> Iterator[str]:
        created = {table.name for table in self.tables}
        for table in self.schema.tables:
            for key in table.foreign_keys if self._will_be_there(table.name) else ():
                if self._can_refer(key) and {table.name, key.table} & created:
                    yield add_constraint(table, key.name, key.definition)

    def _can_refer(self, key: ForeignKey) -> bool:
        return key.schema == self.schema.name and self._will_be_there(key.table)

    def _will_be_there(self, name: str) -> bool:
        tables = (table for table in self.schema.tables if table.name == name)
        return any(self._is_created(table) or self._is_there(table) for table in tables)

    def _lost_keys(self, table: Table) -> list[Feature]:
        keys = (key for key in table.foreign_keys if not self._can_refer(key))
        return [Feature("foreign key", key.name, key.definition) for key in keys]


def plain_column(column: Column) -> Column:
    """The column as it is created."""
    is_lost = column.default_state.is_lost
    return replace(column, generated=None, default=None) if is_lost else column


def lost_code(table: Table) -> Iterator[Feature]:
    """What needs code that is not created."""
    for check in table.checks:
        if check.state.is_lost:
            yield Feature("check", check.name, check.definition)
    for index in table.indexes:
        if index.state.is_lost:
            yield Feature("index", index.name, index.definition)
    for column in table.columns:
        if column.default_state.is_lost:
            yield Feature("default", f"{table.name}.{column.name}", "")


def create_table(table: Table, shared: Collection[str]) -> Iterator[str]:
    """A table with what belongs to it alone."""
    found = ((column, own_sequence(column, shared)) for column in table.columns)
    numbered = [(column, sequence) for column, sequence in found if sequence]
    for column, sequence in numbered:
        yield f"CREATE SEQUENCE {sequence} AS {column.type.sql}"
    lines = ",\n".join(f"    {definition(column)}" for column in table.columns)
    yield f"CREATE TABLE {place_of(table)} (\n{lines}\n)"
    for column, sequence in numbered:
        yield f"ALTER SEQUENCE {sequence} OWNED BY {place_of(table)}.{quoted(column.name)}"
    for constraint in (*([table.key] if table.key else []), *table.uniques, *table.checks):
        yield add_constraint(table, constraint.name, constraint.definition)
    yield from (index.definition for index in table.indexes)
    yield from comments(table)


def own_sequence(column: Column, shared: Collection[str]) -> str | None:
    """The sequence that numbers a column and belongs to it."""
    found = SEQUENCE.fullmatch(column.default or "")
    name = found[1].replace("''", "'") if found else ""
    is_shared = any(name.endswith(quoted(one)) for one in shared)
    return name if name and not is_shared else None


def definition(column: Column) -> str:
    """A column in CREATE TABLE."""
    told = [quoted(column.name), column.type.sql]
    told += [f"COLLATE {quoted(column.collation)}"] if column.collation else []
    if column.generated:
        told.append(f"GENERATED ALWAYS AS ({column.generated})" + " STORED" * column.stored)
    elif column.identity:
        told.append(column.identity.sql.upper())
    elif column.default:
        told.append(f"DEFAULT {column.default}")
    return " ".join(told + ["NOT NULL"] * (not column.nullable))


def comments(table: Table) -> Iterator[str]:
    """What is said about the table and its columns."""
    if table.comment:
        yield f"COMMENT ON TABLE {place_of(table)} IS {text(table.comment)}"
    for column in table.columns:
        if column.comment:
            place = f"{place_of(table)}.{quoted(column.name)}"
            yield f"COMMENT ON COLUMN {place} IS {text(column.comment)}"


def add_constraint(table: Table, name: str, definition: str) -> str:
    """A constraint by its own name."""
    return f"ALTER TABLE {place_of(table)} ADD CONSTRAINT {quoted(name)} {definition}"


def place_of(table: Table) -> str:
    """The table's name in its schema."""
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def placed(schema: Schema, feature: Feature) -> Mapping[str, str]:
    """What is said of an object, for a statement."""
    name = quoted(feature.name)
    place = f"{quoted(schema.name)}.{name}"
    return {"name": name, "place": place, "definition": feature.definition}
