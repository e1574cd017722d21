"""The field type of each column."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, DOMAIN, ENUM, TIME, TIMESTAMP
from sqlalchemy.types import Numeric, String, TypeEngine

from chassis_tools.inspection.tables import ColumnType
from chassis_tools.scaffolding.literals import literal

# Annotation, SQLAlchemy's name, field of `manage make`.
KNOWN: dict[str, tuple[str, str, str | None]] = {
    "BIGINT": ("int", "BigInteger", "bigint"),
    "BOOLEAN": ("bool", "Boolean", "bool"),
    "CITEXT": ("str", "CITEXT", None),
    "DATE": ("date", "Date", "date"),
    "DOUBLE_PRECISION": ("float", "Double", "float"),
    "INTEGER": ("int", "Integer", "int"),
    "JSON": ("Any", "JSON", "json"),
    "JSONB": ("Any", "JSONB", "json"),
    "REAL": ("float", "REAL", "float"),
    "SMALLINT": ("int", "SmallInteger", "int"),
    "TEXT": ("str", "Text", "text"),
    "UUID": ("UUID", "Uuid", "uuid"),
}
CAVEATS = {
    "CHAR": "PostgreSQL pads its values with blanks",
    "CITEXT": "no field compares without regard to case",
    "JSON": "its values have no equality: jsonb has",
    "REAL": "it keeps about six digits",
    "SMALLINT": "it ends at 32767, and the database alone refuses more",
}
ANNOTATIONS = {
    "Any": "typing.Any",
    "Decimal": "decimal.Decimal",
    "Literal": "typing.Literal",
    "UUID": "uuid.UUID",
    "date": "datetime.date",
    "datetime": "datetime.datetime",
    "time": "datetime.time",
    "timedelta": "datetime.timedelta",
}

ADDRESS = "a network address has no field"
EXTENSION = "the type is an extension's"
SHAPE = "a shape has no type in JSON"
# Why a column stays out of the API, by PostgreSQL's name of the type.
UNFIT = {
    "bit": "a string of bits has no type in JSON",
    "box": SHAPE,
    "bytea": "binary data wants a route of its own",
    "cidr": ADDRESS,
    "char": "it is a type of the server's own",
    "circle": SHAPE,
    "geography": EXTENSION,
    "geometry": EXTENSION,
    "halfvec": EXTENSION,
    "hstore": "the type is an extension's: jsonb holds the same",
    "inet": ADDRESS,
    "line": SHAPE,
    "lseg": SHAPE,
    "ltree": EXTENSION,
    "macaddr": ADDRESS,
    "macaddr8": ADDRESS,
    "money": "how it reads depends on the server's locale: numeric does not",
    "name": "it is a type of the server's own",
    "oid": "it is a number of the server's own",
    "path": SHAPE,
    "point": SHAPE,
    "polygon": SHAPE,
    "sparsevec": EXTENSION,
    "tsquery": "a search query has no type in JSON",
    "tsvector": "a search vector is there to be searched, not to be read",
    "vector": EXTENSION,
    "xml": "a document in XML has no type in JSON",
}


Translate = Callable[[Any, str], ColumnType]

LABEL = re.compile(r"\w[\w.+-]*")
ARGUMENTS = re.compile(r"\(.*\)|\[\]")
NUMBERS = re.compile(r"(?<=[(,])-?\d+(?=[,)])")
MICROSECONDS = 6


def describe(type_: TypeEngine[Any], sql: str) -> ColumnType:
    """A type that the Inspector found, which PostgreSQL writes as `sql`."""
    translate: Translate = SPECIAL.get(type(type_).__name__, known)
    told = translate(type_, sql)
    return told if told.imports else with_imports(told)


def known(type_: TypeEngine[Any], sql: str) -> ColumnType:
    """A type without arguments, or one that stays out of the API."""
    name = type(type_).__name__
    if name in KNOWN:
        python, expression, field = KNOWN[name]
        return ColumnType(sql, python, expression, field=field, reason=CAVEATS.get(name))
    base = ARGUMENTS.sub("", sql).rpartition(".")[2].strip('"').partition(" ")[0]
    reason = UNFIT.get(base, "this type is not known here")
    if base.endswith("range"):
        reason = "a range has no type in JSON"
    if not hasattr(postgresql, name):
        return ColumnType(sql, "Any", "NullType", in_api=False, reason=reason)
    arguments = {"length": getattr(type_, "length", None)}
    if getattr(type_, "varying", False):
        arguments["varying"] = True
    return ColumnType(sql, "Any", call(name, **arguments), in_api=False, reason=reason)


def characters(type_: Any, sql: str) -> ColumnType:
    """varchar and char."""
    kind = type(type_).__name__
    arguments = [] if type_.length is None else [type_.length]
    expression = call("CHAR" if kind == "CHAR" else "String", *arguments)
    field = f"str:{type_.length}" if type_.length else "text"
    return ColumnType(sql, "str", expression, field=field, reason=CAVEATS.get(kind))


def numeric(type_: Any, sql: str) -> ColumnType:
    """numeric, whose field needs limits."""
    if type_.precision is None:
        return ColumnType(sql, "Decimal", "Numeric", reason="a decimal without limits has no field")
    expression = call("Numeric", type_.precision, type_.scale)
    if not 0 <= type_.scale <= type_.precision:
        return ColumnType(sql, "Decimal", expression, reason="its scale is beyond its digits")
    field = f"decimal:{type_.precision}:{type_.scale}"
    return ColumnType(sql, "Decimal", expression, field=field)


def timestamp(type_: Any, sql: str) -> ColumnType:
    """timestamp; the fields of this service have a zone."""
    reason = None if type_.timezone else "its values have no zone"
    return clock(ColumnType(sql, "datetime", "DateTime", field="datetime", reason=reason), type_)


def time(type_: Any, sql: str) -> ColumnType:
    """time of day; the fields of this service have no zone."""
    reason = "its values have a zone" if type_.timezone else None
    return clock(ColumnType(sql, "time", "Time", field="time", reason=reason), type_)


def clock(told: ColumnType, type_: Any) -> ColumnType:
    """The type with its zone and its fractions of a second."""
    zone = type_.timezone or None
    if type_.precision in (None, MICROSECONDS):
        return replace(told, expression=call(told.expression, timezone=zone))
    expression = call(type(type_).__name__, timezone=zone, precision=type_.precision)
    rounding = f"PostgreSQL rounds to {type_.precision} digits of a second"
    reason = f"{told.reason}, and {rounding}" if told.reason else rounding
    return replace(told, expression=expression, reason=reason)


def interval(type_: Any, sql: str) -> ColumnType:
    """interval, which would come back with its months as days."""
    expression = call("INTERVAL", fields=type_.fields, precision=type_.precision)
    reason = "a timedelta has no months, and would turn an interval's into days"
    return ColumnType(sql, "timedelta", expression, in_api=False, reason=reason)


def enumeration(type_: ENUM, sql: str) -> ColumnType:
    """A type with labels; it is there, so the model must not create it."""
    labels = [str(label) for label in type_.enums]
    options = {"name": type_.name, "schema": foreign(type_.schema), "create_type": False}
    told = ColumnType(sql, "str", call("ENUM", *labels, **options))
    if not labels:
        return replace(told, reason="it has no labels")
    told = replace(told, python=f"Literal[{', '.join(map(literal, labels))}]")
    if not all(map(LABEL.fullmatch, labels)):
        return replace(told, reason="a field cannot spell its labels")
    return replace(told, field=f"enum:{'/'.join(labels)}")


def domain(type_: DOMAIN, sql: str) -> ColumnType:
    """A named type with rules, which the database alone checks."""
    base = describe(type_.data_type, sql)
    schema = foreign(type_.schema)
    options = (f", schema={literal(schema)}" if schema else "") + ", create_type=False"
    expression = f"DOMAIN({literal(type_.name)}, {base.expression}{options})"
    imports = (*base.imports, "sqlalchemy.dialects.postgresql.DOMAIN")
    return replace(base, expression=expression, imports=imports, domain=type_.name)


def restored(type_: TypeEngine[Any], base: str | None) -> TypeEngine[Any]:
    """The type; a domain's own with the arguments that the Inspector leaves out."""
    item = type_.item_type if isinstance(type_, ARRAY) else type_
    if base and isinstance(item, DOMAIN):
        item.data_type = with_arguments(item.data_type, base)
    return type_


def with_arguments(type_: TypeEngine[Any], sql: str) -> TypeEngine[Any]:
    """A type as PostgreSQL writes it in full."""
    arguments = [int(number) for number in NUMBERS.findall(sql)]
    if isinstance(type_, TIMESTAMP | TIME):
        precision = arguments[0] if arguments else None
        return type(type_)(timezone="with time zone" in sql, precision=precision)
    if isinstance(type_, String | Numeric) and arguments:
        make: Callable[..., TypeEngine[Any]] = type(type_)
        return make(*arguments)
    return type_


def array(type_: ARRAY[Any], sql: str) -> ColumnType:
    """A list, whatever its dimensions: PostgreSQL does not keep them."""
    item = describe(type_.item_type, sql.removesuffix("[]"))
    return replace(
        item,
        sql=sql,
        python=f"list[{item.python}]",
        expression=f"ARRAY({item.expression})",
        field=None,
        reason="a list has no field" if item.in_api else item.reason,
        imports=(*item.imports, "sqlalchemy.dialects.postgresql.ARRAY"),
    )


SPECIAL: dict[str, Translate] = {
    "ARRAY": array,
    "CHAR": characters,
    "DOMAIN": domain,
    "ENUM": enumeration,
    "INTERVAL": interval,
    "NUMERIC": numeric,
    "TIME": time,
    "TIMESTAMP": timestamp,
    "VARCHAR": characters,
}


def with_imports(told: ColumnType) -> ColumnType:
    """The type with where its names come from."""
    name = told.expression.partition("(")[0]
    if name == "NullType":
        origin = "sqlalchemy.types"
    else:
        origin = "sqlalchemy.dialects.postgresql" if name.isupper() else "sqlalchemy"
    annotation = ANNOTATIONS.get(told.python.partition("[")[0])
    return replace(told, imports=(f"{origin}.{name}", *([annotation] if annotation else [])))


def call(name: str, /, *arguments: object, **options: object) -> str:
    """A call as it stands in code; the name alone when there are no arguments."""
    told = [literal(argument) for argument in arguments]
    told += [f"{key}={literal(value)}" for key, value in options.items() if value is not None]
    return f"{name}({', '.join(told)})" if told else name


def foreign(schema: str | None) -> str | None:
    """A schema that has to be named."""
    return None if schema == "public" else schema
