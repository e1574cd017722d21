"""The parts of a resource: keys and indexes of its table, and the cases of its tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chassis_tools.scaffolding.fields import Field, ListFilter, Reference
from chassis_tools.scaffolding.literals import literal

LINE_LENGTH = 100
LIVE_ROWS = "deleted_at IS NULL"


@dataclass(frozen=True)
class ForeignKey:
    """A column that refers to a table's `id`."""

    column: str
    target: str
    on_delete: str


@dataclass(frozen=True)
class Check:
    """A column that holds one of some values."""

    column: str
    values: Sequence[str]
    name: str

    @property
    def condition(self) -> str:
        """What must hold."""
        return f"{self.column} IN ({', '.join(repr(value) for value in self.values)})"


@dataclass(frozen=True)
class Table:
    """What `app.core.tables` makes of a model's columns, within a tenant or without one."""

    name: str
    foreign_keys: Sequence[ForeignKey]
    uniques: Sequence[str]
    indexes: Sequence[str]
    checks: Sequence[Check]
    soft_delete: bool
    tenant: bool

    def columns(self, column: str) -> list[str]:
        """A key's columns."""
        return ["tenant_id", column] if self.tenant else [column]

    def named(self, prefix: str, column: str, suffix: str = "") -> str:
        """A name by the kernel's convention."""
        return "_".join([prefix, self.name, *self.columns(column)]) + suffix

    def on_delete(self, key: ForeignKey) -> str:
        """What happens here when the row goes."""
        clears = self.tenant and key.on_delete == "SET NULL"
        return f"SET NULL ({key.column})" if clears else key.on_delete

    def lines(self) -> dict[str, list[str]]:
        """By the names that templates use."""
        return {
            "constraints": self.constraints(),
            "indexes": self.create_indexes(),
            "sql_constraints": self.sql_constraints(),
            "sql_indexes": self.sql_indexes(),
        }

    def constraints(self) -> list[str]:
        """Arguments of `op.create_table`."""
        return [
            *(self._check(check) for check in self.checks),
            *(self._foreign_key(key) for key in self.foreign_keys),
            *(self._unique(column) for column in self.uniques if not self.soft_delete),
        ]

    def create_indexes(self) -> list[str]:
        """Calls of `op.create_index`."""
        uniques = self.uniques if self.soft_delete else []
        return [
            *(self._index("ix", column) for column in self.indexes),
            *(self._index("uq", column, unique=True) for column in uniques),
        ]

    def sql_constraints(self) -> list[str]:
        """Constraints of CREATE TABLE."""
        return [
            *(f"CONSTRAINT {self.check_name(one)} CHECK ({one.condition})" for one in self.checks),
            *(self._sql_foreign_key(key) for key in self.foreign_keys),
            *(
                f"CONSTRAINT {self.named('uq', column)} UNIQUE ({self._listed(column)})"
                for column in self.uniques
                if not self.soft_delete
            ),
        ]

    def sql_indexes(self) -> list[str]:
        """Statements that create an index."""
        uniques = self.uniques if self.soft_delete else []
        return [
            *(
                f"CREATE INDEX {self.named('ix', column)} ON {self.name} ({self._listed(column)})"
                for column in self.indexes
            ),
            *(
                f"CREATE UNIQUE INDEX {self.named('uq', column)} ON {self.name}"
                f" ({self._listed(column)}) WHERE {LIVE_ROWS}"
                for column in uniques
            ),
        ]

    def _listed(self, column: str) -> str:
        return ", ".join(self.columns(column))

    def _key_name(self, key: ForeignKey) -> str:
        return self.named("fk", key.column, f"_{key.target}")

    def _sql_foreign_key(self, key: ForeignKey) -> str:
        target = "tenant_id, id" if self.tenant else "id"
        return (
            f"CONSTRAINT {self._key_name(key)} FOREIGN KEY ({self._listed(key.column)})"
            f" REFERENCES {key.target} ({target}) ON DELETE {self.on_delete(key)}"
        )

    def _foreign_key(self, key: ForeignKey) -> str:
        targets = [f"{key.target}.{name}" for name in (["tenant_id"] * self.tenant + ["id"])]
        return call(
            "sa.ForeignKeyConstraint",
            listed(self.columns(key.column)),
            listed(targets),
            f"op.f({literal(self._key_name(key))})",
            f"ondelete={literal(self.on_delete(key))}",
        )

    def _unique(self, column: str) -> str:
        names = [literal(name) for name in self.columns(column)]
        return call(
            "sa.UniqueConstraint", *names, f"name=op.f({literal(self.named('uq', column))})"
        )

    def _check(self, check: Check) -> str:
        name = f"name=op.f({literal(self.check_name(check))})"
        return call("sa.CheckConstraint", literal(check.condition), name)

    def check_name(self, check: Check) -> str:
        """By the kernel's convention, too."""
        return f"ck_{self.name}_{check.name}"

    def _index(self, prefix: str, column: str, *, unique: bool = False) -> str:
        live = f", unique=True, postgresql_where=sa.text({literal(LIVE_ROWS)})" if unique else ""
        name, columns = self.named(prefix, column), listed(self.columns(column))
        return f"op.create_index(op.f({literal(name)}), {literal(self.name)}, {columns}{live})"


def listed(names: Sequence[str]) -> str:
    """A list of strings."""
    return f"[{', '.join(literal(name) for name in names)}]"


def call(function: str, *arguments: str) -> str:
    """A call inside of a call, on as many lines as `ruff format` would give it."""
    listed = ", ".join(arguments)
    if len(f"        {function}({listed}),") <= LINE_LENGTH:
        return f"{function}({listed})"
    if len(f"            {listed}") <= LINE_LENGTH:
        return f"{function}(\n            {listed}\n        )"
    lines = "".join(f"            {argument},\n" for argument in arguments)
    return f"{function}(\n{lines}        )"


class Value(NamedTuple):
    """A value of a field."""

    name: str
    value: str


class Case(NamedTuple):
    """A filter's value, and how many rows of the tests it finds."""

    name: str
    value: str
    total: str


class Pair(NamedTuple):
    """Two values by which lists are sorted."""

    name: str
    low: str
    high: str


def refusals(fields: Iterable[Field]) -> list[Value]:
    """What may not be sent."""
    return [Value(one.name, value) for one in fields for value in one.kind.samples.invalid]


def defaults(columns: Iterable[Field | Reference]) -> list[Value]:
    """What may be left out, and what is there then."""
    omitted = [one for one in columns if not one.required and one.left_out]
    return [Value(one.attribute, one.left_out) for one in omitted]


def filters(listed: Iterable[ListFilter]) -> list[Case]:
    """What is looked for by filters."""
    found = []
    for one in listed:
        found += [Case(one.name, one.match, "1")] if one.match else []
        found += [Case(one.name, one.miss, "0")]
    return found


def orders(fields: Iterable[Field]) -> list[Pair]:
    """What is sorted by."""
    return [Pair(one.name, *one.kind.samples.ordered) for one in fields if one.sortable]


def changes(fields: Iterable[Field]) -> list[Field]:
    """What can be changed."""
    return [field for field in fields if field.changes]


def makers(parents: Sequence[Reference], *, owned: bool) -> str:
    """The parameters of the factory for whom and what a row belongs to."""
    owner = ["owner: User"] if owned else []
    found = [f"{one.name}: {one.target.class_name} | None = None" for one in parents]
    return "".join(f", {one}" for one in ["*", *owner, *found]) if owner or found else ""


def exact_values(uniques: Iterable[Field]) -> str:
    """The arguments of the factory for a row that filters find, where samples are numbered."""
    return "".join(f", {one.name}={one.kind.samples.factory}" for one in uniques)


def eager_selects(loaded: Sequence[Reference]) -> str:
    """What else loading a row to change it sends: a statement for each entity that is there."""
    selects = [one for one in loaded if one.load == "selectin" and not one.optional]
    return ', "SELECT"' * len(selects)
