"""The columns of an existing table, as a model declares them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chassis_tools.adoption.baseline import bound, is_unknown, local
from chassis_tools.inspection.fields import TIMESTAMPS, Access, field_name
from chassis_tools.inspection.tables import Column, Table
from chassis_tools.scaffolding.fields import ListFilter
from chassis_tools.scaffolding.literals import Import, literal

# By the name in SQLAlchemy's expression for the type.
PLAIN: dict[str, Import] = {
    "SmallInteger": ("app.core.schemas", "Int16"),
    "Integer": ("app.core.schemas", "Int32"),
    "BigInteger": ("app.core.schemas", "Int64"),
    "Double": ("pydantic", "FiniteFloat"),
    "REAL": ("pydantic", "FiniteFloat"),
}
CONSTRAINED: list[Import] = [("typing", "Annotated"), ("pydantic", "Field")]
LENGTH = re.compile(r"\b(?:String|CHAR)\((\d+)\)")
DIGITS = re.compile(r"\bNumeric\((\d+), (\d+)\)")
# The kinds of filters by the type of a value; text that is searched has one more.
FILTERS = {
    "Decimal": ("", "gte", "lte"),
    "UUID": ("",),
    "bool": ("",),
    "date": ("", "gte", "lte"),
    "datetime": ("gte", "lt"),
    "float": ("gte", "lte"),
    "int": ("", "gte", "lte"),
}
SORTED = ("Decimal", "UUID", "date", "datetime", "float", "int", "str")


def input_of(column: Column) -> tuple[str, list[Import]]:
    """The type of a value that is sent, without its limits in the database's rules."""
    plain = value_of(column)
    expression = column.type.expression
    if plain[0] == "str" and (length := LENGTH.search(expression)):
        return f"Annotated[str, Field(max_length={length[1]})]", CONSTRAINED
    if plain[0] == "Decimal" and (digits := DIGITS.search(expression)):
        limits = f"max_digits={digits[1]}, decimal_places={digits[2]}"
        return f"Annotated[Decimal, Field({limits})]", [*CONSTRAINED, *plain[1]]
    return plain


def value_of(column: Column) -> tuple[str, list[Import]]:
    """The type of a value that is looked for."""
    type_ = column.type
    known = [found for name, found in PLAIN.items() if re.search(rf"\b{name}\b", type_.expression)]
    has_zone = "timezone=True" in type_.expression
    if type_.python in ("int", "float") and known:
        return known[0][1], known[:1]
    if type_.python == "datetime":
        if has_zone:
            return "Timestamp", [("app.core.schemas", "Timestamp")]
        return "NaiveDatetime", [("pydantic", "NaiveDatetime")]
    if type_.python == "time" and not has_zone:
        return "WallTime", [("app.core.schemas", "WallTime")]
    return type_.python, annotation_imports(column)


def annotation_imports(column: Column) -> list[Import]:
    """Where the names in the column's annotation come from."""
    return [
        origin for origin in origins(column) if re.search(rf"\b{origin[1]}\b", column.type.python)
    ]


def origins(column: Column) -> list[Import]:
    """Where the names in the column's annotation and type come from."""
    divided = (name.rpartition(".") for name in column.type.imports)
    return [(module, name) for module, _, name in divided]


def operators(column: Column, *, searched: bool) -> tuple[str, ...]:
    """How lists may be filtered by a column."""
    if column.type.python == "str":
        equal = ("",) if searched else ()
        return equal if column.type.domain else (*equal, "contains")
    if column.type.python.startswith("Literal["):
        return ("",)
    return FILTERS.get(column.type.python, ())


def is_sortable(column: Column) -> bool:
    """Whether lists may be sorted by it: a cursor needs a value in every row."""
    plain = column.type.python in SORTED and not column.type.domain
    return plain and not column.nullable


PATH_KEY: Import = ("app.core.schemas", "PathKey")
MADE_BY_SQLALCHEMY = ("Computed", "FetchedValue", "Identity", "text")


@dataclass(frozen=True)
class ExistingColumn:
    """A column of a table that is there."""

    column: Column
    attribute: str
    """What the model and the API call it."""
    access: Access
    is_key: bool = False
    is_serial: bool = False
    """Whether its numbers come from a sequence that belongs to it."""
    is_touched: bool = False
    """Whether a trigger may set it behind an UPDATE."""
    is_searched: bool = False
    is_reference: bool = False

    @property
    def is_given(self) -> bool:
        """Whether clients may send it when they make a row."""
        if self.is_key and self.column.type.python == "UUID":
            return False
        return self.access == "read and write"

    @property
    def read(self) -> str:
        """The type in answers."""
        return self.column.type.python + (" | None" if self.column.nullable else "")

    @property
    def input(self) -> str:
        """The type of what a client sends."""
        type_ = input_of(self.column)[0]
        return type_.replace("str", PATH_KEY[1], 1) if self._is_text_key else type_

    @property
    def _is_text_key(self) -> bool:
        return self.is_key and self.column.type.python == "str"

    @property
    def create(self) -> str:
        """The type when a row is made; what is left out is for the database to fill in."""
        return f"{self.input} | None = None" if self.column.is_filled else self.input

    @property
    def mapped(self) -> str:
        """The annotation of the model's attribute, and its column."""
        return f"Mapped[{self.read}] = mapped_column({', '.join(self._options())})"

    def _options(self) -> Iterator[str]:
        column = self.column
        quote = is_unknown(column.name)
        if column.name != self.attribute or quote:
            yield literal(column.name)
        yield self._type()
        yield from self._origin()
        if column.name != self.attribute:
            yield f"key={literal(self.attribute)}"
        if quote:
            yield "quote=True"
        if self.is_key:
            yield "primary_key=True"
        if column.comment:
            yield f"comment={literal(column.comment)}"

    def _type(self) -> str:
        expression, collation = self.column.type.expression, self.column.collation
        if not collation or self.column.type.python != "str":
            return expression
        opened = expression.removesuffix(")") + (", " if expression.endswith(")") else "(")
        return f"{opened}collation={literal(collation)})"

    def _origin(self) -> Iterator[str]:
        column = self.column
        if column.generated:
            yield f"Computed({literal(local(column.generated))}, persisted={column.stored})"
        elif column.identity:
            options = {"always": column.identity.always} | column.identity.options
            yield f"Identity({', '.join(f'{name}={value}' for name, value in options.items())})"
        elif column.default and not self.is_serial:
            yield f"server_default={sql_text(column.default)}"
        elif self.is_key and column.type.python == "UUID":
            yield "default=uuid7"
        elif self.is_key and not self.is_serial:
            yield "autoincrement=False"
        if self.is_touched:
            yield "server_onupdate=FetchedValue()"

    def imports(self, file: str) -> list[Import]:
        """What one of the resource's files imports for it."""
        if file == "models":
            made = [name for name in MADE_BY_SQLALCHEMY if f"{name}(" in self.mapped]
            uuid = [("uuid_utils.compat", "uuid7")] * ("uuid7" in self.mapped)
            return [*origins(self.column), *uuid, *(("sqlalchemy", name) for name in made)]
        return [
            *annotation_imports(self.column),
            *input_of(self.column)[1],
            *value_of(self.column)[1],
            *[PATH_KEY] * self._is_text_key,
        ]

    @property
    def filters(self) -> list[ListFilter]:
        """How lists may be filtered by it."""
        type_ = value_of(self.column)[0]
        found = ("",) if self.is_reference else operators(self.column, searched=self.is_searched)
        names = ("__".join(filter(None, (self.attribute, operator))) for operator in found)
        return [ListFilter(name, type_, "", "") for name in names]


def sql_text(sql: str) -> str:
    """An expression of SQL in the model."""
    return f"text({literal(bound(local(sql)))})"


# Types and functions in the bodies of models and schemas.
SHADOWING = {"conv", "date", "datetime", "text", "time", "timedelta", "uuid7"}


def attributes_of(table: Table) -> dict[str, str]:
    """The attribute of each column: `id` for the key, whatever the table calls it."""
    found: dict[str, str] = {}
    for place, column in enumerate(table.columns):
        if table.key and table.key.columns == (column.name,):
            found[column.name] = "id"
            continue
        name = field_name(column.name, is_kept=column.name in TIMESTAMPS) or f"column_{place + 1}"
        name = f"{name}_value" if name in SHADOWING else name
        taken = sum(name == other for other in found.values())
        found[column.name] = f"{name}_{place + 1}" if taken else name
    return found
