"""The field types of `manage make` for PostgreSQL's column types."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, DOMAIN, ENUM, TIME, TIMESTAMP
from sqlalchemy.types import Numeric, String, TypeEngine

from chassis_tools.inspection.tables import ColumnType
from chassis_tools.scaffolding.literals import literal

LABEL = re.compile(r"\w[\w.+-]*")
ARGUMENTS = re.compile(r"\(.*\)|\[\]")
NUMBERS = re.compile(r"(?<=[(,])-?\d+(?=[,)])")
MICROSECONDS = 6
# The annotation, SQLAlchemy's name and the field type of each type without arguments.
PLAIN_TYPES: dict[str, tuple[str, str, str | None]] = {
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
    "CHAR": "PostgreSQL pads its values with spaces",
    "CITEXT": "no field type compares case-insensitively",
    "JSON": "PostgreSQL cannot compare json values: use jsonb instead",
    "REAL": "it stores about six significant digits",
    "SMALLINT": "a field of type int also accepts values above 32767",
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

ADDRESS = "network addresses have no field type"
EXTENSION = "the type belongs to an extension"
SHAPE = "geometric types have no JSON type"
# The reason why a type is not in the API, by its name in PostgreSQL.
UNSUPPORTED = {
    "bit": "bit strings have no JSON type",
    "box": SHAPE,
    "bytea": "binary data needs a separate route",
    "cidr": ADDRESS,
    "char": "it is an internal type of PostgreSQL",
    "circle": SHAPE,
    "geography": EXTENSION,
    "geometry": EXTENSION,
    "halfvec": EXTENSION,
    "hstore": "the type belongs to an extension: use jsonb instead",
    "inet": ADDRESS,
    "line": SHAPE,
    "lseg": SHAPE,
    "ltree": EXTENSION,
    "macaddr": ADDRESS,
    "macaddr8": ADDRESS,
    "money": "its format depends on the server's locale: use numeric instead",
    "name": "it is an internal type of PostgreSQL",
    "oid": "it is an internal type of PostgreSQL",
    "path": SHAPE,
    "point": SHAPE,
    "polygon": SHAPE,
    "sparsevec": EXTENSION,
    "tsquery": "search queries have no JSON type",
    "tsvector": "search vectors are for searching, not for reading",
    "vector": EXTENSION,
    "xml": "XML documents have no JSON type",
}

Translate = Callable[[Any, str], ColumnType]


def describe(type_: TypeEngine[Any], sql: str) -> ColumnType:
    """Describe a reflected type; `sql` is its name in PostgreSQL."""
    translate: Translate = TRANSLATORS.get(type(type_).__name__, describe_plain)
    described = translate(type_, sql)
    return described if described.imports else add_imports(described)


def describe_plain(type_: TypeEngine[Any], sql: str) -> ColumnType:
    """Describe a type without arguments, or a type that is not in the API."""
    name = type(type_).__name__
    if name in PLAIN_TYPES:
        python, expression, field = PLAIN_TYPES[name]
        return ColumnType(sql, python, expression, field=field, reason=CAVEATS.get(name))
    base = ARGUMENTS.sub("", sql).rpartition(".")[2].strip('"').partition(" ")[0]
    reason = UNSUPPORTED.get(base, "this type is not supported")
    if base.endswith("range"):
        reason = "ranges have no JSON type"
    if not hasattr(postgresql, name):
        return ColumnType(sql, "Any", "NullType", in_api=False, reason=reason)
    arguments = {"length": getattr(type_, "length", None)}
    if getattr(type_, "varying", False):
        arguments["varying"] = True
    return ColumnType(sql, "Any", format_call(name, **arguments), in_api=False, reason=reason)


def describe_characters(type_: Any, sql: str) -> ColumnType:
    """Describe varchar or char."""
    kind = type(type_).__name__
    arguments = [] if type_.length is None else [type_.length]
    expression = format_call("CHAR" if kind == "CHAR" else "String", *arguments)
    field = f"str:{type_.length}" if type_.length else "text"
    return ColumnType(sql, "str", expression, field=field, reason=CAVEATS.get(kind))


def describe_numeric(type_: Any, sql: str) -> ColumnType:
    """Describe numeric; its field needs a precision and a scale."""
    if type_.precision is None:
        return ColumnType(sql, "Decimal", "Numeric", reason="a field needs a precision and a scale")
    expression = format_call("Numeric", type_.precision, type_.scale)
    if not 0 <= type_.scale <= type_.precision:
        return ColumnType(
            sql, "Decimal", expression, reason="a field needs a scale from 0 to its precision"
        )
    field = f"decimal:{type_.precision}:{type_.scale}"
    return ColumnType(sql, "Decimal", expression, field=field)


def describe_timestamp(type_: Any, sql: str) -> ColumnType:
    """Describe timestamp; fields have a time zone."""
    reason = None if type_.timezone else "its values have no time zone"
    return add_precision(
        ColumnType(sql, "datetime", "DateTime", field="datetime", reason=reason), type_
    )


def describe_time(type_: Any, sql: str) -> ColumnType:
    """Describe time; fields have no time zone."""
    reason = "its values have a time zone" if type_.timezone else None
    return add_precision(ColumnType(sql, "time", "Time", field="time", reason=reason), type_)


def add_precision(described: ColumnType, type_: Any) -> ColumnType:
    """Add a type's time zone and its precision in fractional digits of a second."""
    zone = type_.timezone or None
    if type_.precision in (None, MICROSECONDS):
        return replace(described, expression=format_call(described.expression, timezone=zone))
    expression = format_call(type(type_).__name__, timezone=zone, precision=type_.precision)
    rounding = f"PostgreSQL rounds to {type_.precision} fractional digits"
    reason = f"{described.reason}, and {rounding}" if described.reason else rounding
    return replace(described, expression=expression, reason=reason)


def describe_interval(type_: Any, sql: str) -> ColumnType:
    """Describe interval; the drivers would convert its months to days."""
    expression = format_call("INTERVAL", fields=type_.fields, precision=type_.precision)
    reason = "Python's timedelta has no months and would convert them to days"
    return ColumnType(sql, "timedelta", expression, in_api=False, reason=reason)


def describe_enum(type_: ENUM, sql: str) -> ColumnType:
    """Describe an enum; models do not create it, because it already exists."""
    labels = [str(label) for label in type_.enums]
    options = {"name": type_.name, "schema": get_other_schema(type_.schema), "create_type": False}
    described = ColumnType(sql, "str", format_call("ENUM", *labels, **options))
    if not labels:
        return replace(described, reason="it has no labels")
    described = replace(described, python=f"Literal[{', '.join(map(literal, labels))}]")
    if not all(map(LABEL.fullmatch, labels)):
        return replace(described, reason="a field cannot declare such labels")
    return replace(described, field=f"enum:{'/'.join(labels)}")


def describe_domain(type_: DOMAIN, sql: str) -> ColumnType:
    """Describe a domain, whose constraints only the database checks."""
    base = describe(type_.data_type, sql)
    schema = get_other_schema(type_.schema)
    options = (f", schema={literal(schema)}" if schema else "") + ", create_type=False"
    expression = f"DOMAIN({literal(type_.name)}, {base.expression}{options})"
    imports = (*base.imports, "sqlalchemy.dialects.postgresql.DOMAIN")
    return replace(base, expression=expression, imports=imports, domain=type_.name)


def restore_arguments(type_: TypeEngine[Any], base: str | None) -> TypeEngine[Any]:
    """Return the type; give a domain's type the arguments that the Inspector omits."""
    item = type_.item_type if isinstance(type_, ARRAY) else type_
    if base and isinstance(item, DOMAIN):
        item.data_type = add_arguments(item.data_type, base)
    return type_


def add_arguments(type_: TypeEngine[Any], sql: str) -> TypeEngine[Any]:
    """Return the type with the arguments that its SQL contains."""
    arguments = [int(number) for number in NUMBERS.findall(sql)]
    if isinstance(type_, TIMESTAMP | TIME):
        precision = arguments[0] if arguments else None
        return type(type_)(timezone="with time zone" in sql, precision=precision)
    if isinstance(type_, String | Numeric) and arguments:
        make: Callable[..., TypeEngine[Any]] = type(type_)
        return make(*arguments)
    return type_


def describe_array(type_: ARRAY[Any], sql: str) -> ColumnType:
    """Describe an array; PostgreSQL does not enforce its number of dimensions."""
    item = describe(type_.item_type, sql.removesuffix("[]"))
    return replace(
        item,
        sql=sql,
        python=f"list[{item.python}]",
        expression=f"ARRAY({item.expression})",
        field=None,
        reason="arrays have no field type" if item.in_api else item.reason,
        imports=(*item.imports, "sqlalchemy.dialects.postgresql.ARRAY"),
    )


TRANSLATORS: dict[str, Translate] = {
    "ARRAY": describe_array,
    "CHAR": describe_characters,
    "DOMAIN": describe_domain,
    "ENUM": describe_enum,
    "INTERVAL": describe_interval,
    "NUMERIC": describe_numeric,
    "TIME": describe_time,
    "TIMESTAMP": describe_timestamp,
    "VARCHAR": describe_characters,
}


def add_imports(described: ColumnType) -> ColumnType:
    """Add the imports of a type's expression and annotation."""
    name = described.expression.partition("(")[0]
    if name == "NullType":
        origin = "sqlalchemy.types"
    else:
        origin = "sqlalchemy.dialects.postgresql" if name.isupper() else "sqlalchemy"
    annotation = ANNOTATIONS.get(described.python.partition("[")[0])
    return replace(described, imports=(f"{origin}.{name}", *([annotation] if annotation else [])))


def format_call(name: str, /, *arguments: object, **options: object) -> str:
    """Format a call as source code; without arguments, return only the name."""
    parts = [literal(argument) for argument in arguments]
    parts += [f"{key}={literal(value)}" for key, value in options.items() if value is not None]
    return f"{name}({', '.join(parts)})" if parts else name


def get_other_schema(schema: str | None) -> str | None:
    """Return the schema; None for `public`."""
    return None if schema == "public" else schema
