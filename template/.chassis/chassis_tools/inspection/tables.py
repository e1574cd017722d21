"""The contents of a database schema, independent of SQLAlchemy."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ColumnType:
    """A type in SQL, as an annotation, as a SQLAlchemy expression and as a field type.

    If no field type of `manage make` fits, `field` is None. `reason` is the cause or a limitation.
    """

    sql: str
    python: str
    expression: str
    in_api: bool = True
    field: str | None = None
    reason: str | None = None
    imports: tuple[str, ...] = ()
    """The names in the annotation and the expression, as in `decimal.Decimal`."""
    domain: str | None = None


@dataclass(frozen=True)
class Identity:
    """An identity column's options."""

    always: bool
    options: dict[str, int | bool] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """The clause in SQL."""
        kind = "always" if self.always else "by default"
        return f"generated {kind} as identity"


@dataclass(frozen=True)
class Expression:
    """The properties of an SQL expression; only a safe one may be evaluated."""

    is_safe: bool
    """True if it cannot run user-defined code."""
    needs_omitted_objects: bool
    """True if it needs functions or operators that the migration does not create."""
    condition: str = ""
    """The condition of a domain's check, where VALUE stands for the value."""


UNKNOWN = Expression(is_safe=False, needs_omitted_objects=False)


@dataclass(frozen=True)
class Column:
    """A column; `default` and `generated` are SQL expressions."""

    name: str
    type: ColumnType
    nullable: bool
    default: str | None = None
    identity: Identity | None = None
    generated: str | None = None
    stored: bool = True
    collation: str | None = None
    comment: str | None = None
    built_in: str | None = None
    """The built-in type that its domains are based on; casts to it run no user-defined code."""
    domain_checks: tuple[Expression, ...] = ()
    """The checks of the domains that it is based on."""
    default_expression: Expression = UNKNOWN

    @property
    def origin(self) -> str | None:
        """The source of values that an INSERT omits."""
        if self.generated:
            return f"generated {'stored' if self.stored else 'virtual'} as {self.generated}"
        if self.identity:
            return self.identity.sql
        return f"default {self.default}" if self.default else None

    @property
    def can_be_omitted(self) -> bool:
        """True if an INSERT may omit the column."""
        return bool(self.nullable or self.default or self.identity or self.generated)


@dataclass(frozen=True)
class Constraint:
    """A constraint with its definition in SQL."""

    name: str
    definition: str


@dataclass(frozen=True)
class Key(Constraint):
    """A primary key or a unique constraint."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Check(Constraint):
    """A check constraint."""

    condition: str
    expression: Expression = UNKNOWN


@dataclass(frozen=True)
class Index:
    """An index; `columns` has None for each element that is an expression."""

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
    expression: Expression = UNKNOWN

    @property
    def is_plain(self) -> bool:
        """True for a valid B-tree index on columns without other options."""
        options = self.where or self.include or self.operators or self.sorting or self.options
        is_btree = self.method == "btree" and self.valid
        return None not in self.columns and is_btree and not options


@dataclass(frozen=True)
class ForeignKey(Constraint):
    """A foreign key, which may refer to another schema."""

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
    """An object that no model declares: a trigger, a policy, a partition."""

    kind: str
    name: str
    definition: str


@dataclass(frozen=True)
class Table:
    """A table or a view."""

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
        """All constraints, the primary key first."""
        keys = (self.key, *self.uniques) if self.key else self.uniques
        return (*keys, *self.checks, *self.foreign_keys)

    @property
    def has_unique(self) -> bool:
        """True if it has a unique constraint or index."""
        return bool(self.uniques) or any(index.unique for index in self.indexes)

    def get_column(self, name: str) -> Column:
        """Return a column by name."""
        return next(column for column in self.columns if column.name == name)

    def get_unique_columns(self) -> set[tuple[str | None, ...]]:
        """Return the sets of columns that are unique in the whole table."""
        plain = (index.columns for index in self.indexes if index.unique and index.is_plain)
        return {*(unique.columns for unique in self.uniques), *plain}

    def get_foreign_keys(self, column: str) -> list[ForeignKey]:
        """Return the foreign keys of a single column."""
        return [key for key in self.foreign_keys if key.columns == (column,)]


@dataclass(frozen=True)
class Schema:
    """The selected tables of a schema, and its other objects."""

    name: str
    tables: tuple[Table, ...]
    objects: tuple[Feature, ...] = ()
