"""What a database's schema holds, told without SQLAlchemy's types."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ColumnType:
    """A type as PostgreSQL, an annotation, SQLAlchemy and `manage make` write it.

    Without `field` there is no such field; `reason` says why, or what else to know of the type.
    """

    sql: str
    python: str
    expression: str
    in_api: bool = True
    field: str | None = None
    reason: str | None = None
    # Where the names in the annotation and in the expression come from: "decimal.Decimal".
    imports: tuple[str, ...] = ()
    domain: str | None = None


@dataclass(frozen=True)
class Identity:
    """A column that PostgreSQL numbers."""

    always: bool
    options: dict[str, int | bool] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """How PostgreSQL writes it."""
        kind = "always" if self.always else "by default"
        return f"generated {kind} as identity"


@dataclass(frozen=True)
class Expression:
    """What an expression is made of: only what is surely harmless may be evaluated."""

    is_harmless: bool
    is_lost: bool
    """Whether it needs code that the migration does not create."""
    condition: str = ""
    """Of a domain's check, which says VALUE for the value."""


UNKNOWN = Expression(is_harmless=False, is_lost=False)


@dataclass(frozen=True)
class Column:
    """A column; its default and its expression are SQL."""

    name: str
    type: ColumnType
    nullable: bool
    default: str | None = None
    identity: Identity | None = None
    generated: str | None = None
    stored: bool = True
    collation: str | None = None
    comment: str | None = None
    # What can be tried of it without running what the database's users made.
    built_in: str | None = None
    rules: tuple[Expression, ...] = ()
    default_state: Expression = UNKNOWN

    @property
    def origin(self) -> str | None:
        """Where its value comes from when nobody gives one."""
        if self.generated:
            return f"generated {'stored' if self.stored else 'virtual'} as {self.generated}"
        if self.identity:
            return self.identity.sql
        return f"default {self.default}" if self.default else None

    @property
    def is_filled(self) -> bool:
        """Whether a row can be written without a value for it."""
        return bool(self.nullable or self.default or self.identity or self.generated)


@dataclass(frozen=True)
class Constraint:
    """A rule of the table, in PostgreSQL's words."""

    name: str
    definition: str


@dataclass(frozen=True)
class Key(Constraint):
    """A primary key or a unique constraint."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Check(Constraint):
    """What every row has to fulfil."""

    condition: str
    state: Expression = UNKNOWN


@dataclass(frozen=True)
class Index:
    """An index; of an element that is an expression the column is None."""

    name: str
    columns: tuple[str | None, ...]
    elements: tuple[str, ...]
    definition: str
    unique: bool = False
    where: str | None = None
    method: str = "btree"
    include: tuple[str, ...] = ()
    operators: dict[str, str] = field(default_factory=dict)
    sorting: dict[str, tuple[str, ...]] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    nulls_not_distinct: bool = False
    valid: bool = True
    state: Expression = UNKNOWN

    @property
    def is_plain(self) -> bool:
        """Whether it says no more than which columns it holds."""
        told = self.where or self.include or self.operators or self.sorting or self.options
        return None not in self.columns and self.method == "btree" and self.valid and not told


@dataclass(frozen=True)
class ForeignKey(Constraint):
    """A reference to a table, which may be in another schema."""

    columns: tuple[str, ...]
    schema: str
    table: str
    target_columns: tuple[str, ...]
    on_delete: str | None = None
    on_update: str | None = None
    deferrable: bool = False
    initially: str | None = None
    match: str | None = None


@dataclass(frozen=True)
class Feature:
    """Something that no model declares: a trigger, a policy, a partition."""

    kind: str
    name: str
    definition: str


@dataclass(frozen=True)
class Table:
    """A table, or a view of some kind: whatever has rows."""

    schema: str
    name: str
    kind: str
    columns: tuple[Column, ...] = ()
    key: Key | None = None
    uniques: tuple[Key, ...] = ()
    checks: tuple[Check, ...] = ()
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    features: tuple[Feature, ...] = ()
    comment: str | None = None

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """All of them, the primary key first."""
        keys = (self.key, *self.uniques) if self.key else self.uniques
        return (*keys, *self.checks, *self.foreign_keys)

    @property
    def has_unique(self) -> bool:
        """Whether some columns could serve as a key."""
        return bool(self.uniques) or any(index.unique for index in self.indexes)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    def unique_columns(self) -> set[tuple[str | None, ...]]:
        """The columns that no two rows share, whatever the rows."""
        plain = (index.columns for index in self.indexes if index.unique and index.is_plain)
        return {*(unique.columns for unique in self.uniques), *plain}

    def references(self, column: str) -> list[ForeignKey]:
        """The foreign keys that a column is alone in."""
        return [key for key in self.foreign_keys if key.columns == (column,)]


@dataclass(frozen=True)
class Schema:
    """The tables that were asked for, and what else the schema holds."""

    name: str
    tables: tuple[Table, ...]
    objects: tuple[Feature, ...] = ()
