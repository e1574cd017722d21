"""Makes a table of the facts about it, and loses none that the Inspector could not read."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from manage.inspection.column_types import describe, restored
from manage.inspection.reflection import Facts, Source
from manage.inspection.tables import (
    UNKNOWN,
    Check,
    Column,
    Expression,
    Feature,
    ForeignKey,
    Identity,
    Index,
    Key,
    Table,
)

CONSTRAINT_KINDS = {
    "c": "check",
    "f": "foreign key",
    "n": "not null",
    "p": "primary key",
    "u": "unique",
    "x": "exclusion constraint",
}


def assemble(schema: str, name: str, kind: str, source: Source) -> Table:
    """The table with all that belongs to it."""
    definitions = {row["name"]: row["definition"] for row in source.constraints}
    key, *uniques = (read_key(facts, definitions) for facts in (source.key, *source.uniques))
    checks = tuple(read_checks(source, definitions))
    foreign_keys = tuple(read_foreign_keys(source))
    table = Table(
        schema,
        name,
        kind,
        columns=tuple(read_columns(source)),
        key=key if key.columns else None,
        uniques=tuple(uniques),
        checks=checks,
        indexes=tuple(read_indexes(source)),
        foreign_keys=foreign_keys,
        features=tuple(read_features(source.features)),
        comment=source.comment["text"],
    )
    return replace(table, features=(*table.features, *unread(source, table)))


def read_columns(source: Source) -> Iterator[Column]:
    """The columns in their order."""
    types = {row["name"]: row for row in source.types}
    for facts in source.columns:
        type_ = types[facts["name"]]
        generated = facts.get("computed", {})
        collation = getattr(facts["type"], "collation", None)
        yield Column(
            facts["name"],
            describe(restored(facts["type"], type_["base"]), type_["sql"]),
            facts["nullable"],
            default=facts["default"],
            identity=read_identity(facts.get("identity")),
            generated=generated.get("sqltext"),
            stored=generated.get("persisted", True),
            collation=collation if collation != "default" else None,
            comment=facts["comment"],
            built_in=type_["built_in"],
            rules=tuple(read_states(source, "domain", facts["name"])),
            default_state=state_of(source, "default", facts["name"]),
        )


def read_identity(facts: Facts | None) -> Identity | None:
    """How PostgreSQL numbers the rows, if it does."""
    if facts is None:
        return None
    options = {name: value for name, value in facts.items() if name != "always"}
    return Identity(facts["always"], options)


def read_key(facts: Facts, definitions: Facts) -> Key:
    """The primary key, which may have no columns, or a unique constraint."""
    columns = facts.get("constrained_columns", facts.get("column_names", []))
    return Key(facts["name"] or "", definitions.get(facts["name"], ""), tuple(columns))


def read_checks(source: Source, definitions: Facts) -> Iterator[Check]:
    """The checks that the Inspector could read."""
    for facts in source.checks:
        if condition := facts["sqltext"]:
            name = facts["name"]
            yield Check(name, definitions[name], condition, state_of(source, "check", name))


def read_states(source: Source, kind: str, name: str) -> Iterator[Expression]:
    """What the catalog says of the expressions that have the name."""
    for row in source.expressions:
        if (row["kind"], row["name"]) == (kind, name):
            yield Expression(row["is_harmless"], row["is_lost"], row["condition"] or "")


def state_of(source: Source, kind: str, name: str) -> Expression:
    """What the catalog says of the expression."""
    return next(read_states(source, kind, name), UNKNOWN)


def read_foreign_keys(source: Source) -> Iterator[ForeignKey]:
    """The foreign keys; their names from the catalog, as the Inspector splits them at commas."""
    options = {facts["name"]: facts["options"] for facts in source.foreign_keys}
    for row in source.constraints:
        if row["name"] in options:
            told = options[row["name"]]
            yield ForeignKey(
                row["name"],
                row["definition"],
                tuple(row["columns"]),
                row["target_schema"],
                row["target"],
                tuple(row["target_columns"]),
                on_delete=told.get("ondelete"),
                on_update=told.get("onupdate"),
                deferrable=told.get("deferrable", False),
                initially=told.get("initially"),
                match=told.get("match"),
            )


def read_indexes(source: Source) -> Iterator[Index]:
    """The indexes, but for those that a constraint keeps."""
    definitions = {row["name"]: row["definition"] for row in source.index_definitions}
    for facts in source.indexes:
        if "duplicates_constraint" not in facts:
            state = state_of(source, "index", facts["name"])
            yield read_index(facts, definitions[facts["name"]], state)


def read_index(facts: Facts, definition: str, state: Expression) -> Index:
    """An index with whatever is particular about it."""
    options = facts.get("dialect_options", {})
    return Index(
        facts["name"],
        tuple(facts["column_names"]),
        tuple(facts.get("expressions", facts["column_names"])),
        definition,
        unique=facts["unique"],
        where=options.get("postgresql_where"),
        method=options.get("postgresql_using", "btree"),
        include=tuple(options.get("postgresql_include", ())),
        operators=options.get("postgresql_ops", {}),
        sorting=facts.get("column_sorting", {}),
        options=options.get("postgresql_with", {}),
        nulls_not_distinct=options.get("postgresql_nulls_not_distinct", False),
        valid=not options.get("postgresql_invalid", False),
        state=state,
    )


def read_features(features: Iterable[Facts]) -> Iterator[Feature]:
    """What belongs to the table and to no model."""
    for facts in features:
        yield Feature(facts["kind"], facts["name"], facts["definition"])


def unread(source: Source, table: Table) -> Iterator[Feature]:
    """The constraints that the Inspector does not know or could not read."""
    read = {constraint.name for constraint in table.constraints}
    for row in source.constraints:
        if row["name"] not in read:
            yield Feature(CONSTRAINT_KINDS[row["type"]], row["name"], row["definition"])
