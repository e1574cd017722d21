"""Columns of an existing table, as its model and schemas declare them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chassis_tools.adoption.baseline import escape_colons, needs_quote, strip_public
from chassis_tools.inspection.fields import TIMESTAMPS, Access, derive_field_name
from chassis_tools.inspection.tables import Column, Table
from chassis_tools.scaffolding.fields import ListFilter
from chassis_tools.scaffolding.literals import Import, format_omissible, literal
from chassis_tools.scaffolding.text_kinds import DEFAULT_TEXT_LENGTH

# Pydantic types by the name in SQLAlchemy's expression.
INPUT_TYPES: dict[str, Import] = {
    "SmallInteger": ("app.core.schemas", "Int16"),
    "Integer": ("app.core.schemas", "Int32"),
    "BigInteger": ("app.core.schemas", "Int64"),
    "Double": ("pydantic", "FiniteFloat"),
    "REAL": ("pydantic", "FiniteFloat"),
}
# Pydantic types of times and timestamps, without and with a time zone.
TIME_TYPES = {
    ("datetime", False): "NaiveDatetime",
    ("datetime", True): "Timestamp",
    ("time", False): "NaiveTime",
    ("time", True): "AwareTime",
}
CONSTRAINED: list[Import] = [("typing", "Annotated"), ("pydantic", "Field")]
TIME = re.compile(r"(?<![^\[])(?:datetime|time)(?![^\]])")
LENGTH = re.compile(r"\b(?:String|CHAR)\((\d+)\)")
DIGITS = re.compile(r"\bNumeric\((\d+), (\d+)\)")
# The filter operators by type; an indexed text can also be filtered by equality.
FILTERS = {
    "Decimal": ("", "gte", "lte"),
    "UUID": ("",),
    "bool": ("",),
    "date": ("", "gte", "lte"),
    "datetime": ("gte", "lt"),
    "float": ("gte", "lte"),
    "int": ("", "gte", "lte"),
}
PATH_KEY: Import = ("app.core.schemas", "PathKey")
SQLALCHEMY_NAMES = ("Computed", "FetchedValue", "Identity", "text")
# Names of types and functions in the bodies of models and schemas.
SHADOWING = {"conv", "date", "datetime", "text", "time", "timedelta", "uuid7"}
SORTABLE = ("Decimal", "UUID", "date", "datetime", "float", "int", "str")


@dataclass(frozen=True)
class ExistingColumn:
    """A column of an existing table."""

    column: Column
    attribute: str
    """The name in the model and the API."""
    access: Access
    is_key: bool = False
    is_serial: bool = False
    """True if it owns the sequence of its default."""
    is_set_on_update: bool = False
    """True if a trigger may set it on UPDATE."""
    is_indexed: bool = False
    leads_index: bool = False
    """True if an index, of this column alone or with others behind it, serves sorted lists."""
    is_reference: bool = False

    @property
    def is_writable(self) -> bool:
        """True if clients may send it when they create a row."""
        if self.is_key and self.column.type.python == "UUID":
            return False
        return self.access == "read and write"

    @property
    def is_sortable(self) -> bool:
        """True if lists can be sorted by it: a cursor needs a value in every row."""
        type_ = self.column.type
        has_sortable_type = type_.python in SORTABLE and not type_.domain
        return self.leads_index and has_sortable_type and not self.column.nullable

    @property
    def read(self) -> str:
        """The type in responses."""
        return get_read_type(self.column) + (" | None" if self.column.nullable else "")

    @property
    def input(self) -> str:
        """The type in requests."""
        type_ = get_input_type(self.column, is_key=self.is_key)[0]
        return type_.replace("str", PATH_KEY[1], 1) if self._is_text_key else type_

    @property
    def _is_text_key(self) -> bool:
        return self.is_key and self.column.type.python == "str"

    @property
    def create(self) -> str:
        """The type in requests that create a row; the database sets omitted values."""
        return self.patch if self.column.can_be_omitted else self.input

    @property
    def patch(self) -> str:
        """The type in requests that change a row; only a nullable column can be set to null."""
        return format_omissible(self.input, nullable=self.column.nullable)

    @property
    def mapped(self) -> str:
        """The annotation and the column of the model's attribute."""
        annotation = self.column.type.python + (" | None" if self.column.nullable else "")
        return f"Mapped[{annotation}] = mapped_column({', '.join(self._build_options())})"

    def _build_options(self) -> Iterator[str]:
        column = self.column
        quote = needs_quote(column.name)
        if column.name != self.attribute or quote:
            yield literal(column.name)
        yield self._format_type()
        yield from self._format_value_source()
        if column.name != self.attribute:
            yield f"key={literal(self.attribute)}"
        if quote:
            yield "quote=True"
        if self.is_key:
            yield "primary_key=True"
        if column.comment:
            yield f"comment={literal(column.comment)}"

    def _format_type(self) -> str:
        expression, collation = self.column.type.expression, self.column.collation
        if not collation or self.column.type.python != "str":
            return expression
        prefix = expression.removesuffix(")") + (", " if expression.endswith(")") else "(")
        return f"{prefix}collation={literal(collation)})"

    def _format_value_source(self) -> Iterator[str]:
        """Yield the options that say where omitted values come from."""
        column = self.column
        if column.generated:
            yield f"Computed({literal(strip_public(column.generated))}, persisted={column.stored})"
        elif column.identity:
            options = {"always": column.identity.always} | column.identity.options
            yield f"Identity({', '.join(f'{name}={value}' for name, value in options.items())})"
        elif column.default and not self.is_serial:
            yield f"server_default={format_text(column.default)}"
        elif self.is_key and column.type.python == "UUID":
            yield "default=uuid7"
        elif self.is_key and not self.is_serial:
            yield "autoincrement=False"
        if self.is_set_on_update:
            yield "server_onupdate=FetchedValue()"

    def get_imports_for(self, file: str) -> list[Import]:
        """Return the imports that one of the resource's files needs for the column."""
        if file == "models":
            names = [name for name in SQLALCHEMY_NAMES if f"{name}(" in self.mapped]
            uuid = [("app.core.identifiers", "uuid7")] * ("uuid7" in self.mapped)
            return [*get_imports(self.column), *uuid, *(("sqlalchemy", name) for name in names)]
        is_annotation_read = get_read_type(self.column) == self.column.type.python
        return [
            *(get_annotation_imports(self.column) if is_annotation_read else ()),
            *get_input_type(self.column, is_key=self.is_key)[1],
            *get_filter_type(self.column)[1],
            *[PATH_KEY] * self._is_text_key,
        ]

    @property
    def filters(self) -> list[ListFilter]:
        """The filters of lists."""
        type_ = get_filter_type(self.column)[0]
        operators = (
            ("",) if self.is_reference else find_operators(self.column, indexed=self.is_indexed)
        )
        names = ("__".join(filter(None, (self.attribute, operator))) for operator in operators)
        return [ListFilter(name, type_, "", "") for name in names]


def derive_attributes(table: Table) -> dict[str, str]:
    """Derive the attribute name of each column; the key is always `id`."""
    attributes: dict[str, str] = {}
    for number, column in enumerate(table.columns, start=1):
        if table.key and table.key.columns == (column.name,):
            attributes[column.name] = "id"
            continue
        name = (
            derive_field_name(column.name, is_kept=column.name in TIMESTAMPS) or f"column_{number}"
        )
        name = f"{name}_value" if name in SHADOWING else name
        while name in attributes.values():
            name = f"{name}_{number}"
        attributes[column.name] = name
    return attributes


def get_input_type(column: Column, *, is_key: bool = False) -> tuple[str, list[Import]]:
    """Return the type of a value in requests, with its imports."""
    plain_type, imports = get_filter_type(column)
    expression = column.type.expression
    length = LENGTH.search(expression)
    if plain_type == "str" and (length or not is_key):
        limit = int(length[1]) if length else DEFAULT_TEXT_LENGTH
        return f"Annotated[str, Field(max_length={limit})]", CONSTRAINED
    if plain_type == "Any":
        return "JsonData", [("app.core.schemas", "JsonData")]
    if plain_type == "bool":
        return "StrictBool", [("pydantic", "StrictBool")]
    if plain_type == "Decimal" and (digits := DIGITS.search(expression)):
        limits = f"max_digits={digits[1]}, decimal_places={digits[2]}"
        return f"Annotated[Decimal, Field({limits})]", [*CONSTRAINED, *imports]
    return plain_type, imports


def get_filter_type(column: Column) -> tuple[str, list[Import]]:
    """Return the type of a value in filters, with its imports."""
    type_ = column.type
    matches = [
        match for name, match in INPUT_TYPES.items() if re.search(rf"\b{name}\b", type_.expression)
    ]
    if type_.python in ("int", "float") and matches:
        return matches[0][1], matches[:1]
    if time := TIME.search(type_.python):
        name = TIME_TYPES[time[0], has_time_zone(column)]
        return TIME.sub(name, type_.python), [("app.core.schemas", name)]
    return type_.python, get_annotation_imports(column)


def get_read_type(column: Column) -> str:
    """Return the type of a value in responses; without a time zone, its format is another."""
    if TIME.search(column.type.python) and not has_time_zone(column):
        return get_filter_type(column)[0]
    return column.type.python


def has_time_zone(column: Column) -> bool:
    """Return True if a column of times or timestamps stores them with a time zone."""
    return "timezone=True" in column.type.expression


def get_annotation_imports(column: Column) -> list[Import]:
    """Return the imports of a column's annotation."""
    return [
        origin
        for origin in get_imports(column)
        if re.search(rf"\b{origin[1]}\b", column.type.python)
    ]


def get_imports(column: Column) -> list[Import]:
    """Return the imports of a column's annotation and type."""
    qualified = (name.rpartition(".") for name in column.type.imports)
    return [(module, name) for module, _, name in qualified]


def find_operators(column: Column, *, indexed: bool) -> tuple[str, ...]:
    """Return the filter operators of a column; an empty one stands for equality."""
    if column.type.python == "str":
        equal = ("",) if indexed else ()
        return equal if column.type.domain else (*equal, "icontains")
    if column.type.python.startswith("Literal["):
        return ("",)
    return FILTERS.get(column.type.python, ())


def format_text(sql: str) -> str:
    """Format an SQL expression as a call of `text()`."""
    return f"text({literal(escape_colons(strip_public(sql)))})"
