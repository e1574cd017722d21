"""What PostgreSQL's types are to a service, by the names of SQLAlchemy's classes."""

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
