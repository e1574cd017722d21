"""Field specifications of `manage make`: `name:type[:arguments][,flag…]`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from chassis_tools.scaffolding import kinds, number_kinds, text_kinds, words
from chassis_tools.scaffolding.bounds import add_bounds
from chassis_tools.scaffolding.fields import Field, Reference, Target
from chassis_tools.scaffolding.kinds import Declaration, Kind
from chassis_tools.scaffolding.literals import Default, is_secret
from chassis_tools.scaffolding.names import to_class_name
from manage.errors import CommandError

KINDS: dict[str, Callable[[Declaration], Kind]] = {
    "str": text_kinds.build_string,
    "text": text_kinds.build_text,
    "int": number_kinds.build_integer,
    "bigint": number_kinds.build_big_integer,
    "float": number_kinds.build_float,
    "decimal": number_kinds.build_decimal,
    "bool": number_kinds.build_boolean,
    "date": kinds.build_date,
    "datetime": kinds.build_datetime,
    "time": kinds.build_time,
    "uuid": kinds.build_uuid,
    "json": kinds.build_json,
    "email": text_kinds.build_email,
    "url": text_kinds.build_url,
    "enum": text_kinds.build_enum,
}
ARGUMENTS = {"str": 1, "text": 1, "decimal": 2, "enum": 1, "ref": 1}
FLAGS = ("optional", "unique", "index", "default", "min", "max")
REFERENCE_FLAGS = ("optional", "unique", "on_delete", "load")
WITH_VALUE = ("default", "min", "max", "on_delete", "load")
# A B-tree entry holds about 2700 bytes; a character takes up to four bytes.
MAX_INDEXED_LENGTH = 600
TOO_LONG = f"{{}}: an index is limited to {MAX_INDEXED_LENGTH} characters: use a shorter str"
ON_DELETE = {"restrict": "RESTRICT", "cascade": "CASCADE", "null": "SET NULL"}
LOAD = ("raise", "joined", "selectin")
# Types that can hold a secret.
SECRET_TYPES = ("str", "text", "json", "uuid")
# Names of secrets that can be numbers. Other numbers only describe a secret, such as `token_count`.
CODES = ("cvc", "cvv", "otp", "pin", "ssn", "totp")
# Names that schema modules import.
RESERVED_TYPES = words.SCHEMA_IMPORTS | words.KERNEL_TYPES


@dataclass(frozen=True)
class Specification:
    """A parsed field specification."""

    name: str
    type: str
    arguments: list[str]
    flags: dict[str, str]

    @property
    def column(self) -> str:
        """Name of the column, which ends with `_id` for a reference."""
        return f"{self.name}_id" if self.type == "ref" else self.name


def parse(text: str) -> Specification:
    """Parse a field specification; the values of flags and arguments are checked later."""
    name, colon, rest = text.partition(":")
    if not (name and colon and rest):
        raise CommandError(f"{text!r} is not a field: write name:type, as in title:str:200")
    head, *flags = rest.split(",")
    type_, *arguments = head.split(":")
    if type_ not in KINDS and type_ != "ref":
        types = suggest_word(type_, [*KINDS, "ref"], "types")
        raise CommandError(f"{name}: unknown type {type_!r}: {types}")
    if len(arguments) > ARGUMENTS.get(type_, 0):
        raise CommandError(f"{name}: {head!r} has too many arguments")
    if type_ == "ref" and name.endswith("_id"):
        raise CommandError(f"{name}: a reference is named without _id: use {name[:-3]}")
    allowed = REFERENCE_FLAGS if type_ == "ref" else FLAGS
    return Specification(name, type_, arguments, parse_flags(name, flags, allowed))


def parse_flags(name: str, parts: Sequence[str], allowed: Sequence[str]) -> dict[str, str]:
    """Return the values of the flags by name; a default may contain commas."""
    flags: dict[str, str] = {}
    last = ""
    for part in parts:
        flag, equals, value = part.partition("=")
        if flag in allowed and bool(equals) == (flag in WITH_VALUE):
            if flag in flags:
                raise CommandError(f"{name}: the flag {flag} is given twice")
            flags[flag], last = value, flag
        elif last == "default":
            flags[last] += f",{part}"
        else:
            spellings = [f"{word}=…" if word in WITH_VALUE else word for word in allowed]
            advice = suggest_word(flag, spellings, "flags")
            raise CommandError(f"{name}: unknown flag {part!r}: {advice}")
    return flags


def suggest_word(word: str, allowed: Sequence[str], plural: str) -> str:
    """Return the list of allowed words, preceded by the closest match."""
    listing = f"the {plural} are {', '.join(allowed)}"
    matches = get_close_matches(word, allowed, 1)
    return f"use {matches[0]}; {listing}" if matches else listing


def make_field(specification: Specification, *, resource: str) -> Field:
    """Build the column; `resource` is the name of the resource's class."""
    name, flags = specification.name, specification.flags
    reject_secret(specification)
    kind = KINDS[specification.type](Declaration(resource, name, specification.arguments))
    reject_flags(specification, kind)
    kind = add_bounds(name, specification.type, kind, flags)
    return Field(
        name,
        kind,
        get_type_name(name, resource),
        optional="optional" in flags,
        unique="unique" in flags,
        index="index" in flags,
        default=parse_default(specification, kind) if "default" in flags else None,
    )


def reject_secret(specification: Specification) -> None:
    """Reject a field whose name indicates a secret, because the API would return it."""
    name, type_ = specification.name, specification.type
    is_code = type_ in ("int", "bigint") and name.rpartition("_")[2] in CODES
    if is_code or (type_ in SECRET_TYPES and is_secret(name)):
        raise CommandError(
            f"{name} sounds like a secret, and the API would return it: rename it, or add it to the"
            " model by hand and leave it out of the read schema"
        )


def reject_flags(specification: Specification, kind: Kind) -> None:
    """Reject flags that contradict each other or the type."""
    name, type_, flags = specification.name, specification.type, specification.flags
    if "unique" in flags and "default" in flags:
        raise CommandError(f"{name} cannot be unique: two rows with its default would conflict")
    if "unique" in flags and not kind.samples.unique:
        raise CommandError(f"{name} cannot be unique: the type {type_} does not support it")
    if "index" in flags and "unique" in flags:
        raise CommandError(f"{name}: a unique field already has an index: leave out the flag index")
    if "index" in flags and kind.sql in ("text", "jsonb"):
        raise CommandError(f"{name}: the type {type_} cannot be indexed: use str with a length")
    if ("index" in flags or "unique" in flags) and kind.length > MAX_INDEXED_LENGTH:
        raise CommandError(TOO_LONG.format(name))


def add_sort(columns: Sequence[Field | Reference], name: str) -> list[Field | Reference]:
    """Return the columns, of which the named field has an index that serves sorted lists."""
    field = next((item for item in columns if isinstance(item, Field) and item.name == name), None)
    if field is None:
        raise CommandError(f"--sort {name}: lists can be sorted by a field of the resource")
    if field.optional:
        raise CommandError(
            f"--sort {name}: an optional field can be null, which a cursor cannot be"
        )
    if not field.can_sort or field.kind.sql == "text":
        raise CommandError(f"--sort {name}: lists cannot be sorted by a field of this type")
    if field.kind.length > MAX_INDEXED_LENGTH:
        raise CommandError(TOO_LONG.format(f"--sort {name}"))
    changed = replace(field, sort=not field.unique)  # A unique constraint already has an index.
    return [changed if item is field else item for item in columns]


def parse_default(specification: Specification, kind: Kind) -> Default:
    """Parse the default of a field."""
    name, type_ = specification.name, specification.type
    if kind.default is None:
        raise CommandError(f"{name}: the type {type_} does not support a default")
    try:
        return kind.default(specification.flags["default"])
    except ValueError as error:
        raise CommandError(f"{name}: its default must be {error}") from None


def get_type_name(name: str, resource: str) -> str:
    """Return the alias of a field's constrained type in the schemas."""
    type_name = to_class_name(name)
    is_taken = type_name in RESERVED_TYPES or type_name.startswith(resource)
    return f"{type_name}Value" if is_taken else type_name


def make_reference(specification: Specification, target: Target, *, resource: str) -> Reference:
    """Build the foreign key column to the target."""
    flags = specification.flags
    reject_reference_flags(specification)
    return Reference(
        specification.name,
        target,
        resource,
        optional="optional" in flags,
        unique="unique" in flags,
        on_delete=ON_DELETE[flags.get("on_delete", "restrict")],
        load=flags.get("load", ""),
    )


def reject_reference_flags(specification: Specification) -> None:
    """Reject unknown values of `on_delete` and `load`."""
    name, flags = specification.name, specification.flags
    on_delete = flags.get("on_delete", "restrict")
    if on_delete not in ON_DELETE:
        raise CommandError(f"{name}: on_delete must be {' or '.join(ON_DELETE)}, not {on_delete!r}")
    if on_delete == "null" and "optional" not in flags:
        raise CommandError(f"{name}: on_delete=null needs the flag optional")
    if "load" in flags and flags["load"] not in LOAD:
        raise CommandError(f"{name}: load must be {' or '.join(LOAD)}, not {flags['load']!r}")
