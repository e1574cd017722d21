"""The parts of a resource: constraints and indexes of its table, and the cases of its tests."""

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
    """A check constraint that limits the values of a column."""

    column: str
    condition: str
    """SQL condition of the constraint."""
    name: str


@dataclass(frozen=True)
class Table:
    """The constraints and indexes that `app.core.tables` adds, with or without tenants."""

    name: str
    foreign_keys: Sequence[ForeignKey]
    uniques: Sequence[str]
    indexes: Sequence[str]
    sort_indexes: Sequence[str]
    checks: Sequence[Check]
    soft_delete: bool
    tenant: bool

    def get_key_columns(self, *columns: str) -> list[str]:
        """Return the columns of the key that contains the columns."""
        return [*["tenant_id"] * self.tenant, *columns]

    def build_name(self, prefix: str, *columns: str, suffix: str = "") -> str:
        """Return a name that follows the kernel's naming convention."""
        return "_".join([prefix, self.name, *self.get_key_columns(*columns)]) + suffix

    def get_on_delete(self, key: ForeignKey) -> str:
        """Return the ON DELETE action; with tenants, SET NULL must not clear `tenant_id`."""
        if self.tenant and key.on_delete == "SET NULL":
            return f"SET NULL ({key.column})"
        return key.on_delete

    def build_template_lines(self) -> dict[str, list[str]]:
        """Return the lines of the migration, by the templates' variable names."""
        return {
            "constraints": self.format_constraints(),
            "indexes": self.format_index_calls(),
            "sql_constraints": self.format_sql_constraints(),
            "sql_indexes": self.format_sql_indexes(),
        }

    def format_constraints(self) -> list[str]:
        """Return the constraints as arguments of `op.create_table`."""
        return [
            *(self._format_check(check) for check in self.checks),
            *(self._format_foreign_key(key) for key in self.foreign_keys),
            *(self._format_unique(column) for column in self.uniques if not self.soft_delete),
        ]

    def format_constraint_calls(self) -> list[str]:
        """Return the calls of `op` that add the constraints to an existing table."""
        return [
            *(self._format_check_call(check) for check in self.checks),
            *(self._format_foreign_key_call(key) for key in self.foreign_keys),
            *(self._format_unique_call(column) for column in self.uniques if not self.soft_delete),
        ]

    def format_index_calls(self) -> list[str]:
        """Return the calls of `op.create_index`."""
        uniques = self.uniques if self.soft_delete else []
        return [
            *(self._format_index("ix", column) for column in self.indexes),
            *(self._format_index("ix", column, "id") for column in self.sort_indexes),
            *(self._format_index("uq", column, unique=True) for column in uniques),
        ]

    def format_sql_constraints(self) -> list[str]:
        """Return the constraints of CREATE TABLE."""
        return [
            *(self._format_sql_check(check) for check in self.checks),
            *(self._format_sql_foreign_key(key) for key in self.foreign_keys),
            *(self._format_sql_unique(column) for column in self.uniques if not self.soft_delete),
        ]

    def format_sql_indexes(self) -> list[str]:
        """Return the CREATE INDEX statements."""
        uniques = self.uniques if self.soft_delete else []
        return [
            *(
                f"CREATE INDEX {self.build_name('ix', *columns)} ON {self.name}"
                f" ({self._format_columns(*columns)})"
                for columns in [
                    *((column,) for column in self.indexes),
                    *((column, "id") for column in self.sort_indexes),
                ]
            ),
            *(
                f"CREATE UNIQUE INDEX {self.build_name('uq', column)} ON {self.name}"
                f" ({self._format_columns(column)}) WHERE {LIVE_ROWS}"
                for column in uniques
            ),
        ]

    def _format_columns(self, *columns: str) -> str:
        return ", ".join(self.get_key_columns(*columns))

    def _build_key_name(self, key: ForeignKey) -> str:
        return self.build_name("fk", key.column, suffix=f"_{key.target.rpartition('.')[2]}")

    def _format_sql_check(self, check: Check) -> str:
        return f"CONSTRAINT {self.get_check_name(check)} CHECK ({check.condition})"

    def _format_sql_unique(self, column: str) -> str:
        return f"CONSTRAINT {self.build_name('uq', column)} UNIQUE ({self._format_columns(column)})"

    def _format_sql_foreign_key(self, key: ForeignKey) -> str:
        target = "tenant_id, id" if self.tenant else "id"
        return (
            f"CONSTRAINT {self._build_key_name(key)} FOREIGN KEY ({self._format_columns(key.column)})"
            f" REFERENCES {key.target} ({target}) ON DELETE {self.get_on_delete(key)}"
        )

    def _format_foreign_key(self, key: ForeignKey) -> str:
        targets = [f"{key.target}.{name}" for name in (["tenant_id"] * self.tenant + ["id"])]
        return format_call(
            "sa.ForeignKeyConstraint",
            format_list(self.get_key_columns(key.column)),
            format_list(targets),
            f"op.f({literal(self._build_key_name(key))})",
            f"ondelete={literal(self.get_on_delete(key))}",
        )

    def _format_unique(self, column: str) -> str:
        names = [literal(name) for name in self.get_key_columns(column)]
        return format_call(
            "sa.UniqueConstraint", *names, f"name=op.f({literal(self.build_name('uq', column))})"
        )

    def _format_check(self, check: Check) -> str:
        name = f"name=op.f({literal(self.get_check_name(check))})"
        return format_call("sa.CheckConstraint", literal(check.condition), name)

    def _format_check_call(self, check: Check) -> str:
        name = f"op.f({literal(self.get_check_name(check))})"
        return (
            f"op.create_check_constraint({name}, {literal(self.name)}, {literal(check.condition)})"
        )

    def _format_unique_call(self, column: str) -> str:
        name = f"op.f({literal(self.build_name('uq', column))})"
        columns = format_list(self.get_key_columns(column))
        return f"op.create_unique_constraint({name}, {literal(self.name)}, {columns})"

    def _format_foreign_key_call(self, key: ForeignKey) -> str:
        schema, _, target = key.target.rpartition(".")
        arguments = [
            f"op.f({literal(self._build_key_name(key))})",
            literal(self.name),
            literal(target),
            format_list(self.get_key_columns(key.column)),
            format_list(["tenant_id"] * self.tenant + ["id"]),
            f"ondelete={literal(self.get_on_delete(key))}",
            *[f"referent_schema={literal(schema)}"] * bool(schema),
        ]
        return f"op.create_foreign_key({', '.join(arguments)})"

    def get_check_name(self, check: Check) -> str:
        """Return the constraint's name, which follows the kernel's naming convention."""
        return f"ck_{self.name}_{check.name}"

    def _format_index(self, prefix: str, *names: str, unique: bool = False) -> str:
        live = f", unique=True, postgresql_where=sa.text({literal(LIVE_ROWS)})" if unique else ""
        name, columns = self.build_name(prefix, *names), format_list(self.get_key_columns(*names))
        arguments = f"op.f({literal(name)}), {literal(self.name)}, {columns}{live}"
        is_short = len(f"    op.create_index({arguments})") <= LINE_LENGTH
        wrapped = arguments if is_short else f"\n        {arguments}\n    "
        return f"op.create_index({wrapped})"


class Value(NamedTuple):
    """A value of a field."""

    name: str
    value: str


class Case(NamedTuple):
    """The value of a filter and the number of rows that it matches."""

    name: str
    value: str
    total: str


class Pair(NamedTuple):
    """A lower and a higher value of a field to sort by."""

    name: str
    low: str
    high: str


def format_table_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the lines of a model's `__table_args__`, as `ruff format` wraps them."""
    if len(arguments) == 1:
        return [f"__table_args__ = ({arguments[0]},)"]
    lines = [f"    {argument}," for argument in arguments]
    return ["__table_args__ = (", *lines, ")"] if arguments else []


def format_list(names: Sequence[str]) -> str:
    """Return a list of strings as source."""
    return f"[{', '.join(literal(name) for name in names)}]"


def format_call(function: str, *arguments: str) -> str:
    """Format a nested call and wrap it as `ruff format` does."""
    joined = ", ".join(arguments)
    if len(f"        {function}({joined}),") <= LINE_LENGTH:
        return f"{function}({joined})"
    if len(f"            {joined}") <= LINE_LENGTH:
        return f"{function}(\n            {joined}\n        )"
    lines = "".join(f"            {argument},\n" for argument in arguments)
    return f"{function}(\n{lines}        )"


def get_invalid_values(fields: Iterable[Field]) -> list[Value]:
    """Return the values that the API rejects."""
    return [Value(field.name, value) for field in fields for value in field.kind.samples.invalid]


def get_default_values(columns: Iterable[Field | Reference]) -> list[Value]:
    """Return the optional columns, with their value in the response if they are omitted."""
    omitted = [column for column in columns if not column.required and column.response_default]
    return [Value(column.attribute, column.response_default) for column in omitted]


def build_filter_cases(list_filters: Iterable[ListFilter]) -> list[Case]:
    """Return the test cases of the filters."""
    cases = []
    for filter_ in list_filters:
        cases += [Case(filter_.name, filter_.match, "1")] if filter_.match else []
        cases += [Case(filter_.name, filter_.miss, "0")]
    return cases


def build_sort_cases(fields: Iterable[Field]) -> list[Pair]:
    """Return the test cases of the sorts."""
    return [Pair(field.name, *field.kind.samples.ordered) for field in fields if field.sortable]


def get_changeable_fields(fields: Iterable[Field]) -> list[Field]:
    """Return the fields that tests can change."""
    return [field for field in fields if field.is_changeable]


def format_factory_parameters(parents: Sequence[Reference], *, owned: bool) -> str:
    """Return the factory's parameters for the owner and the parents."""
    owner = ["owner: User"] if owned else []
    optional = [f"{ref.name}: {ref.target.class_name} | None = None" for ref in parents]
    names = ["*", *owner, *optional] if owner or optional else []
    return "".join(f", {name}" for name in names)


def format_exact_values(uniques: Iterable[Field]) -> str:
    """Return the factory's arguments that replace numbered samples, so that filters match."""
    return "".join(f", {field.name}={field.kind.samples.factory}" for field in uniques)


def format_eager_selects(loaded: Sequence[Reference]) -> str:
    """Return a `"SELECT"` for each query that loading a row for an update adds."""
    selects = [ref for ref in loaded if ref.load == "selectin" and not ref.optional]
    return ', "SELECT"' * len(selects)
