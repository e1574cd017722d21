"""The migration that creates existing tables in a new database."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.dialects import postgresql

from chassis_tools.inspection.tables import Column, Feature, ForeignKey, Schema, Table
from chassis_tools.scaffolding.words import COLUMN_NAME_KEYWORDS, RESERVED_KEYWORDS

PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
RESERVED = RESERVED_KEYWORDS | COLUMN_NAME_KEYWORDS
# Matches a regclass literal, another string, a quoted name, or the schema.
PUBLIC_SCHEMA = re.compile(
    r"""'public\.((?:[^']|'')*)'(?=::reg)|'(?:[^']|'')*'|"(?:[^"]|"")*"|\bpublic\."""
)
CREATE_STATEMENTS = {
    "extension": "CREATE EXTENSION IF NOT EXISTS {name}",
    "enum": "CREATE TYPE {qualified_name} AS ENUM ({definition})",
    "domain": "CREATE DOMAIN {qualified_name} AS {definition}",
    "composite type": "CREATE TYPE {qualified_name} AS ({definition})",
    "range type": "CREATE TYPE {qualified_name} AS RANGE (SUBTYPE = {definition})",
    "sequence": "CREATE SEQUENCE {qualified_name}",
}
DROP_KINDS = {"sequence": "SEQUENCE", "domain": "DOMAIN", "extension": ""}
ROUTINES = ("aggregate", "function", "procedure", "window function")
SEQUENCE = re.compile(r"nextval\('((?:[^']|'')+)'::regclass\)")
HAS_ROWS = "These tables existed before the service and have rows: drop them by hand"


@dataclass(frozen=True)
class Baseline:
    """The migration's contents: the tables, and the schema's types, sequences and extensions.

    `omitted` lists what the migration does not create.
    """

    schema: Schema
    names: Sequence[str]
    existing_migrations: str = ""
    """The text of all existing migrations of the application."""

    @property
    def tables(self) -> list[Table]:
        """The tables to create, except those of existing migrations."""
        return [
            self.simplify(table)
            for table in self.schema.tables
            if self._is_created(table) and not self._is_in_migrations(table)
        ]

    @property
    def create_statements(self) -> list[str]:
        """The statements of the upgrade."""
        tables = self.tables
        unowned_sequences = [item.name for item in self.schema.objects if item.kind == "sequence"]
        name = self.schema.name
        return [
            *[f"CREATE SCHEMA IF NOT EXISTS {quote_name(name)}"] * (name != "public"),
            *(
                CREATE_STATEMENTS[item.kind].format_map(build_parameters(self.schema, item))
                for item in self._find_objects()
            ),
            *(
                statement
                for table in tables
                for statement in create_table(table, unowned_sequences)
            ),
            *self._build_foreign_keys(),
        ]

    @property
    def drop_statements(self) -> list[str]:
        """The statements of the downgrade, which fails if a table has rows."""
        tables = [qualify(table) for table in self.tables]
        if not tables:
            return []
        has_rows = "\n    OR ".join(f"EXISTS (SELECT FROM {table})" for table in tables)
        raise_statement = f"        RAISE EXCEPTION '{HAS_ROWS}';"
        guard = build_block(f"BEGIN\n    IF {has_rows} THEN\n{raise_statement}\n    END IF;\nEND")
        dropped = [item for item in self._find_objects() if item.kind != "extension"]
        drop_objects = (
            f"DROP {DROP_KINDS.get(item.kind, 'TYPE')} {qualify_object(self.schema, item)}"
            for item in reversed(dropped)
        )
        return [guard, f"DROP TABLE {', '.join(tables)}", *drop_objects]

    @property
    def omitted(self) -> list[str]:
        """The objects that the migration does not create."""
        features = [
            f"{feature.kind} {feature.name}"
            for table in self.schema.tables
            if self._is_created(table)
            for feature in (
                *table.features,
                *self._find_omitted_keys(table),
                *find_omitted_objects(table),
            )
        ]
        views = [f"{item.kind} {item.name}" for item in self.schema.tables if "view" in item.kind]
        routines = [
            f"{item.kind} {item.name}" for item in self.schema.objects if item.kind in ROUTINES
        ]
        return [*features, *views, *routines]

    def simplify(self, table: Table) -> Table:
        """Return the table without the objects that the migration does not create."""
        return replace(
            table,
            columns=tuple(map(simplify_column, table.columns)),
            checks=tuple(
                item for item in table.checks if not item.expression.needs_omitted_objects
            ),
            indexes=tuple(
                item
                for item in table.indexes
                if item.valid and not item.expression.needs_omitted_objects
            ),
            foreign_keys=tuple(key for key in table.foreign_keys if self._can_refer(key)),
        )

    def _find_objects(self) -> list[Feature]:
        kinds = list(CREATE_STATEMENTS)
        created = [
            item
            for item in self.schema.objects
            if item.kind in CREATE_STATEMENTS
            and f" {qualify_object(self.schema, item)} " not in self.existing_migrations
        ]
        return sorted(created, key=lambda feature: kinds.index(feature.kind))

    def _is_in_migrations(self, table: Table) -> bool:
        return f"CREATE TABLE {qualify(table)} (" in self.existing_migrations

    def _is_created(self, table: Table) -> bool:
        is_table = table.kind in ("table", "partitioned table")
        is_part = any(feature.kind == "partition of" for feature in table.features)
        return is_table and not is_part and table.name in self.names

    def _build_foreign_keys(self) -> Iterator[str]:
        created = {table.name for table in self.tables}
        for table in self.schema.tables:
            for key in table.foreign_keys if self._will_exist(table.name) else ():
                if self._can_refer(key) and {table.name, key.table} & created:
                    yield add_constraint(table, key.name, key.definition)

    def _can_refer(self, key: ForeignKey) -> bool:
        return key.schema == self.schema.name and self._will_exist(key.table)

    def _will_exist(self, name: str) -> bool:
        tables = (table for table in self.schema.tables if table.name == name)
        return any(self._is_created(table) or self._is_in_migrations(table) for table in tables)

    def _find_omitted_keys(self, table: Table) -> list[Feature]:
        keys = (key for key in table.foreign_keys if not self._can_refer(key))
        return [Feature("foreign key", key.name, key.definition) for key in keys]


def simplify_column(column: Column) -> Column:
    """Return the column without a default whose functions the migration does not create."""
    if column.default_expression.needs_omitted_objects:
        return replace(column, generated=None, default=None)
    return column


def find_omitted_objects(table: Table) -> Iterator[Feature]:
    """Yield a table's objects that need functions which the migration does not create."""
    for check in table.checks:
        if check.expression.needs_omitted_objects:
            yield Feature("check", check.name, check.definition)
    for index in table.indexes:
        if index.expression.needs_omitted_objects:
            yield Feature("index", index.name, index.definition)
    for column in table.columns:
        if column.default_expression.needs_omitted_objects:
            yield Feature("default", f"{table.name}.{column.name}", "")


def create_table(table: Table, unowned_sequences: Collection[str]) -> Iterator[str]:
    """Yield the statements for a table and its own sequences, constraints, indexes and comments."""
    sequences = ((column, find_sequence(column, unowned_sequences)) for column in table.columns)
    numbered = [(column, sequence) for column, sequence in sequences if sequence]
    for column, sequence in numbered:
        yield f"CREATE SEQUENCE {sequence} AS {column.type.sql}"
    lines = ",\n".join(f"    {define_column(column)}" for column in table.columns)
    yield f"CREATE TABLE {qualify(table)} (\n{lines}\n)"
    for column, sequence in numbered:
        yield f"ALTER SEQUENCE {sequence} OWNED BY {qualify(table)}.{quote_name(column.name)}"
    for constraint in (*([table.key] if table.key else []), *table.uniques, *table.checks):
        yield add_constraint(table, constraint.name, constraint.definition)
    yield from (index.definition for index in table.indexes)
    yield from comment_on(table)


def find_sequence(column: Column, unowned_sequences: Collection[str]) -> str | None:
    """Return the name of the sequence that a column owns, or None."""
    match = SEQUENCE.fullmatch(column.default or "")
    name = match[1].replace("''", "'") if match else ""
    quoted = map(quote_name, unowned_sequences)
    is_unowned = any(name == other or name.endswith(f".{other}") for other in quoted)
    return name if name and not is_unowned else None


def define_column(column: Column) -> str:
    """Return a column's definition in CREATE TABLE."""
    parts = [quote_name(column.name), column.type.sql]
    parts += [f"COLLATE {quote_name(column.collation)}"] if column.collation else []
    if column.generated:
        parts.append(f"GENERATED ALWAYS AS ({column.generated})" + " STORED" * column.stored)
    elif column.identity:
        parts.append(column.identity.sql.upper())
    elif column.default:
        parts.append(f"DEFAULT {column.default}")
    return " ".join(parts + ["NOT NULL"] * (not column.nullable))


def comment_on(table: Table) -> Iterator[str]:
    """Yield the comments on a table and its columns."""
    if table.comment:
        yield f"COMMENT ON TABLE {qualify(table)} IS {quote_string(table.comment)}"
    for column in table.columns:
        if column.comment:
            qualified_name = f"{qualify(table)}.{quote_name(column.name)}"
            yield f"COMMENT ON COLUMN {qualified_name} IS {quote_string(column.comment)}"


def add_constraint(table: Table, name: str, definition: str) -> str:
    """Return the statement that adds a named constraint."""
    return f"ALTER TABLE {qualify(table)} ADD CONSTRAINT {quote_name(name)} {definition}"


def qualify(table: Table) -> str:
    """Return a table's qualified name."""
    return f"{quote_name(table.schema)}.{quote_name(table.name)}"


def qualify_object(schema: Schema, feature: Feature) -> str:
    """Return an object's qualified name."""
    return f"{quote_name(schema.name)}.{quote_name(feature.name)}"


def build_parameters(schema: Schema, feature: Feature) -> Mapping[str, str]:
    """Return the parameters of an object's CREATE statement."""
    return {
        "name": quote_name(feature.name),
        "qualified_name": qualify_object(schema, feature),
        "definition": feature.definition,
    }


def quote_name(name: str) -> str:
    """Quote a name if PostgreSQL requires it."""
    if PLAIN_NAME.fullmatch(name) and name not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def needs_quote(name: str) -> bool:
    """Return True for a reserved keyword that SQLAlchemy does not quote by default."""
    return name in RESERVED_KEYWORDS and DIALECT.identifier_preparer.quote(name) == name


def quote_string(value: str) -> str:
    """Return a string literal in SQL."""
    return "'" + value.replace("'", "''") + "'"


def build_block(body: str) -> str:
    """Return a DO statement with a dollar-quote tag that does not occur in the body."""
    tag = "$$"
    while tag in body:
        tag = f"${tag.strip('$')}x$"
    return f"DO {tag} {body} {tag}"


def strip_public(sql: str) -> str:
    """Remove the schema `public` from names, as PostgreSQL does if it is on the search path."""
    return PUBLIC_SCHEMA.sub(strip_match, sql)


def strip_match(match: re.Match[str]) -> str:
    """Return the replacement for a match of PUBLIC_SCHEMA; other strings are unchanged."""
    if match[1] is not None:
        return f"'{match[1]}'"
    return "" if match[0] == "public." else match[0]


def escape_colons(sql: str) -> str:
    """Escape colons that `text()` would parse as bound parameters."""
    return re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", sql)
