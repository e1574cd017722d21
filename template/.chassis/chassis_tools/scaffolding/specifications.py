"""Fields as `manage make` takes them: `name:type[:arguments][,flag…]`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from chassis_tools.scaffolding import kinds, number_kinds, text_kinds, words
from chassis_tools.scaffolding.fields import Field, Reference, Target
from chassis_tools.scaffolding.kinds import Kind, Words
from chassis_tools.scaffolding.literals import Default, is_secret
from chassis_tools.scaffolding.names import class_name
from manage.errors import CommandError

KINDS: dict[str, Callable[[Words], Kind]] = {
    "str": text_kinds.string,
    "text": text_kinds.long_text,
    "int": number_kinds.integer,
    "bigint": number_kinds.big_integer,
    "float": number_kinds.floating,
    "decimal": number_kinds.decimal,
    "bool": number_kinds.boolean,
    "date": kinds.day,
    "datetime": kinds.moment,
    "time": kinds.clock_time,
    "uuid": kinds.uuid,
    "json": kinds.json_object,
    "email": text_kinds.email,
    "url": text_kinds.url,
    "enum": text_kinds.choice,
}
ARGUMENTS = {"str": 1, "decimal": 2, "enum": 1, "ref": 1}
FLAGS = ("optional", "unique", "index", "default")
REFERENCE_FLAGS = ("optional", "unique", "on_delete", "load")
WITH_VALUE = ("default", "on_delete", "load")
# An entry of a B-tree holds some 2700 bytes, and a character takes up to four.
MAX_INDEXED_LENGTH = 600
ON_DELETE = {"restrict": "RESTRICT", "cascade": "CASCADE", "null": "SET NULL"}
LOAD = ("raise", "joined", "selectin")
# What a secret is kept in.
SECRET_TYPES = ("str", "text", "json", "uuid")
# Those that can be a number; another number is about a secret, as `token_count` is.
CODES = ("cvc", "cvv", "otp", "pin", "ssn", "totp")
# Names that have another meaning in a module of schemas.
TAKEN = words.SCHEMA_IMPORTS | words.KERNEL_TYPES


@dataclass(frozen=True)
class Specification:
    """A field as it was written."""

    name: str
    type: str
    arguments: list[str]
    flags: dict[str, str]

    @property
    def column(self) -> str:
        """The column's name: that of a reference ends in `_id`."""
        return f"{self.name}_id" if self.type == "ref" else self.name


def parse(text: str) -> Specification:
    """What was written, before it is known whether it can be."""
    name, colon, rest = text.partition(":")
    if not (name and colon and rest):
        raise CommandError(f"{text!r} is not a field: write name:type, as in title:str:200")
    head, *flags = rest.split(",")
    type_, *arguments = head.split(":")
    if type_ not in KINDS and type_ != "ref":
        types = one_of(type_, [*KINDS, "ref"], "types")
        raise CommandError(f"{name}: there is no type {type_!r}: {types}")
    if len(arguments) > ARGUMENTS.get(type_, 0):
        raise CommandError(f"{name}: {head!r} has too many arguments")
    if type_ == "ref" and name.endswith("_id"):
        raise CommandError(f"{name}: the column of a reference gets its _id: use {name[:-3]}")
    known = REFERENCE_FLAGS if type_ == "ref" else FLAGS
    return Specification(name, type_, arguments, parse_flags(name, flags, known))


def parse_flags(name: str, parts: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Flags by name; the text of a default may hold commas."""
    flags: dict[str, str] = {}
    last = ""
    for part in parts:
        flag, equals, value = part.partition("=")
        if flag in known and bool(equals) == (flag in WITH_VALUE):
            if flag in flags:
                raise CommandError(f"{name}: the flag {flag} is there twice")
            flags[flag], last = value, flag
        elif last == "default":
            flags[last] += f",{part}"
        else:
            spelled = [f"{one}=…" if one in WITH_VALUE else one for one in known]
            told = one_of(flag, spelled, "flags")
            raise CommandError(f"{name}: there is no flag {part!r}: {told}")
    return flags


def one_of(word: str, known: Sequence[str], plural: str) -> str:
    """What there is, led by what was meant."""
    told = f"the {plural} are {', '.join(known)}"
    meant = get_close_matches(word, known, 1)
    return f"use {meant[0]}; {told}" if meant else told


def make_field(specification: Specification, *, resource: str) -> Field:
    """The column; `resource` is the class that it belongs to."""
    name, flags = specification.name, specification.flags
    reject_secret(specification)
    kind = KINDS[specification.type](Words(resource, name, specification.arguments))
    reject_flags(specification, kind)
    return Field(
        name,
        kind,
        type_name(name, resource),
        optional="optional" in flags,
        unique="unique" in flags,
        index="index" in flags,
        default=make_default(specification, kind) if "default" in flags else None,
    )


def reject_secret(specification: Specification) -> None:
    """Refuse what everybody who reads the rows would be told."""
    name, type_ = specification.name, specification.type
    is_code = type_ in ("int", "bigint") and name.rpartition("_")[2] in CODES
    if is_code or (type_ in SECRET_TYPES and is_secret(name)):
        raise CommandError(
            f"{name} sounds like a secret, and the API tells, filters and sorts by"
            " what is made here: add it to the model by hand, and to no schema that is read, or"
            " call it otherwise"
        )


def reject_flags(specification: Specification, kind: Kind) -> None:
    """Refuse flags that contradict each other or the type."""
    name, type_, flags = specification.name, specification.type, specification.flags
    if "unique" in flags and "default" in flags:
        raise CommandError(f"{name} cannot be unique: two rows with its default would clash")
    if "unique" in flags and not kind.samples.unique:
        raise CommandError(f"{name} cannot be unique: no {type_} can be")
    if "index" in flags and "unique" in flags:
        raise CommandError(f"{name}: a unique field has an index: leave the flag index out")
    if "index" in flags and kind.sql in ("text", "jsonb"):
        raise CommandError(f"{name}: an index holds no {type_}: use str with a length")
    if ("index" in flags or "unique" in flags) and kind.length > MAX_INDEXED_LENGTH:
        limit = MAX_INDEXED_LENGTH
        raise CommandError(f"{name}: an index holds texts of at most {limit} characters")


def make_default(specification: Specification, kind: Kind) -> Default:
    """The default, as the type understands it."""
    name, type_ = specification.name, specification.type
    if kind.default is None:
        raise CommandError(f"{name}: the type {type_} takes no default")
    try:
        return kind.default(specification.flags["default"])
    except ValueError as error:
        raise CommandError(f"{name}: its default must be {error}") from None


def type_name(name: str, resource: str) -> str:
    """What a field's constrained type is called in the schemas."""
    own = class_name(name)
    return f"{own}Value" if own in TAKEN or own.startswith(resource) else own


def make_reference(specification: Specification, target: Target, *, resource: str) -> Reference:
    """The column that refers to the target."""
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
    """Refuse what cannot happen on delete, and ways of loading that there are not."""
    name, flags = specification.name, specification.flags
    on_delete = flags.get("on_delete", "restrict")
    if on_delete not in ON_DELETE:
        raise CommandError(f"{name}: on_delete is {', '.join(ON_DELETE)}, not {on_delete!r}")
    if on_delete == "null" and "optional" not in flags:
        raise CommandError(f"{name}: on_delete=null needs the flag optional")
    if "load" in flags and flags["load"] not in LOAD:
        raise CommandError(f"{name}: load is {', '.join(LOAD)}, not {flags['load']!r}")
