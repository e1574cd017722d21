"""What clients may send for a column that is there, and by what they may filter."""

import re

from manage.inspection.tables import Column
from manage.scaffolding.snippets import Import

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
