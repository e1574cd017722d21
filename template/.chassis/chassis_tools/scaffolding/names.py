"""Names of resources and their fields: their forms, and which names are rejected."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chassis_tools.scaffolding import words
from chassis_tools.scaffolding.words import plural_of, singular_of, with_a_or_an
from manage.errors import CommandError

NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")

# PostgreSQL cuts longer identifiers off, without an error.
MAX_IDENTIFIER = 63
# The longest name of a foreign key leaves this for the table's name.
MAX_NAME = MAX_IDENTIFIER - len("fk__tenant_id_owner_id_users")
# Messages shorten longer names.
SHOWN = 40

# `site` adds these names unless it is disabled; linters always know them.
BUILTINS = frozenset(dir(builtins)) | {"copyright", "credits", "exit", "help", "license", "quit"}
KEYWORDS = frozenset(word.lower() for word in keyword.kwlist)

KERNEL_NAME = "is reserved by the kernel"

# Return the problem with a name, and yield alternatives.
About = Callable[[str], str | None]
Better = Callable[[str], Iterator[str]]


@dataclass(frozen=True)
class ResourceNames:
    """The forms of a resource's name."""

    singular: str
    plural: str

    @property
    def class_name(self) -> str:
        """Name of the model's class: `OrderLine`."""
        return class_name(self.singular)

    @property
    def words(self) -> str:
        """Name in prose: `order line`."""
        return self.singular.replace("_", " ")

    @property
    def a_words(self) -> str:
        """Name in prose with its article: `an order line`."""
        return with_a_or_an(self.words)

    @property
    def plural_words(self) -> str:
        """Plural in prose: `order lines`."""
        return self.plural.replace("_", " ")

    @property
    def constant(self) -> str:
        """Name of a constant: `ORDER_LINES`."""
        return self.plural.upper()

    @property
    def path(self) -> str:
        """Segment of the URL: `order-lines`."""
        return self.plural.replace("_", "-")


def resource_names(singular: str, plural: str | None = None) -> ResourceNames:
    """Return the names of a resource; raise CommandError if one of them is not allowed.

    With an explicit plural, the singular may look like a plural.
    """
    if plural is None:
        refuse(singular, about_resource, better_resources)
        return ResourceNames(singular, plural_of(singular))
    refuse(singular, about_singular, better_resources)
    refuse(plural, about_plural, better_plurals)
    return ResourceNames(singular, plural)


def check_field_names(
    names: Sequence[str], *, table: str, references: Mapping[str, str] | None = None
) -> None:
    """Reject column names that are not allowed.

    `references` has the table that each foreign key column refers to.
    """
    for name in names:
        refuse(name, about_field, better_fields)
    referred = references or {}
    relations = [name.removesuffix("_id") for name in referred if name.endswith("_id")]
    for relation in relations:
        refuse(relation, about_relation, better_fields)
    reject_alike([*names, *relations])
    for name in names:
        reject_cut_off(name, table, referred.get(name))


def class_name(name: str) -> str:
    """Convert a name to that of a class: `OrderLine` for `order_line`."""
    return "".join(word.capitalize() for word in name.split("_"))


def member_name(choice: str) -> str:
    """Convert a choice to the name of an enumeration's member: `DRAFT` for `draft`."""
    return f"{choice}_value".upper() if choice in words.LETTERS else choice.upper()


def snake_case(text: str) -> str:
    """Convert a text in any spelling to snake_case."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    )
    divided = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    return re.sub(r"[^a-z0-9]+", "_", divided.lower()).strip("_")


def refuse(name: str, about: About, better: Better) -> None:
    """Reject a name with a problem, and suggest one without."""
    complaint = about(name)
    if complaint is None:
        return
    suggestion = next((word for word in better(name) if about(word) is None), None)
    advice = f": use {suggestion}" if suggestion else ""
    if not suggestion and ":" not in complaint:
        advice = ": choose another name"
    raise CommandError(f"{shown(name)} {complaint}{advice}")


def reject_alike(names: Sequence[str]) -> None:
    """Reject duplicate names, and names whose types would have the same name."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(class_name(name), name)
        if other == name and names.count(name) > 1:
            raise CommandError(f"{name} is used twice: rename one of the fields")
        if other != name:
            raise CommandError(f"{other} and {name} are too similar: rename one of the fields")


def reject_cut_off(name: str, table: str, referred: str | None) -> None:
    """Reject a column whose index or foreign key would have a name too long for PostgreSQL."""
    identifiers = [f"ix_{table}_tenant_id_{name}"]
    if referred:
        identifiers.append(f"fk_{table}_tenant_id_{name}_{referred}")
    longest = max(identifiers, key=len)
    if len(longest.encode()) > MAX_IDENTIFIER:
        raise CommandError(
            f"{name} is too long for a column of {table}: PostgreSQL would truncate {longest} to"
            f" {MAX_IDENTIFIER} characters; use a shorter name"
        )


def shown(name: str) -> str:
    """Format a name for a message: shortened, and quoted if it is not a plain word."""
    short = name if len(name) <= SHOWN else f"{name[:SHOWN]}…"
    return short if short.isprintable() and re.fullmatch(r"\S+", short) else repr(short)


def about_resource(name: str) -> str | None:
    """Return the problem with a resource's name or its derived plural, or None."""
    if complaint := about_singular(name):
        return complaint
    if singular := singular_of(name):
        return KERNEL_NAME if singular in words.KERNEL_RESOURCES else "is a plural"
    plural = plural_of(name)
    complaint = about_plural(plural)
    return complaint and f"has the plural {plural}, which {complaint}"


def about_singular(name: str) -> str | None:
    """Return the problem with a resource's name, regardless of its plural, or None."""
    if complaint := about_spelling(name, MAX_NAME):
        return complaint
    if name in words.KERNEL_RESOURCES:
        return KERNEL_NAME
    if name in BUILTINS or class_name(name) in BUILTINS:
        return "is a built-in name of Python"
    if name in words.VARIABLES or class_name(name) in words.CLASSES:
        return "has another meaning in the generated code"
    return None


def about_plural(name: str) -> str | None:
    """Return the problem with a plural, or None.

    A plural names a table, a package, a router and a part of the URL.
    """
    if complaint := about_spelling(name, MAX_NAME):
        return complaint
    if name in words.KERNEL_PLURALS:
        return KERNEL_NAME
    if name.startswith("pg_"):
        return "starts with pg_, as PostgreSQL's system tables do"
    if name in words.SQL_WORDS:
        return "is a reserved word in SQL"
    if name in BUILTINS:
        return "is a built-in name of Python"
    if name.upper() in words.CONSTANTS:
        return "has another meaning in the tests"
    return None


def about_field(name: str) -> str | None:
    """Return the problem with a field's name, regardless of its table, or None."""
    if complaint := about_spelling(name, MAX_IDENTIFIER):
        return complaint
    if name in words.KERNEL_COLUMNS:
        return "is a column of the kernel: leave it out, or choose another name"
    if name in words.SQL_WORDS:
        return "is a reserved word in SQL"
    if name in words.SYSTEM_COLUMNS:
        return "is a system column of PostgreSQL"
    if name in words.SCHEMA_ATTRIBUTES or name.startswith(words.SCHEMA_PREFIXES):
        return "has another meaning in schemas"
    if class_name(name) in BUILTINS | words.SCHEMA_IMPORTS:
        return "would have a type with a reserved name"
    return about_attribute(name)


def about_relation(name: str) -> str | None:
    """Return the problem with the name of a relationship, or None."""
    if complaint := about_spelling(name, MAX_IDENTIFIER) or about_attribute(name):
        return complaint
    return "has another meaning in the tests" if name in words.FACTORY_NAMES else None


def about_attribute(name: str) -> str | None:
    """Return the problem with the name of a model's attribute, or None."""
    if name in words.MODEL_ATTRIBUTES:
        return "has another meaning in models"
    if name in words.BODY_NAMES or name in words.PARAMETERS:
        return "has another meaning in the generated code"
    return None


def about_spelling(name: str, longest: int) -> str | None:
    """Return the problem with the spelling or length of a name, or None."""
    if not NAME.fullmatch(name):
        return "is not in snake_case (ASCII letters and digits, a letter first)"
    if len(name) > longest:
        return f"has {len(name)} characters, but at most {longest} are allowed"
    if name in KEYWORDS:
        return "is a Python keyword"
    if name in words.LETTERS:
        return "is easily confused with a digit"
    return None


def better_resources(name: str) -> Iterator[str]:
    """Yield alternatives for the name of a resource."""
    meant = snake_case(name)
    singular = singular_of(meant) or meant
    yield singular
    yield words.BETTER_RESOURCES.get(singular, f"{singular}_entry")


def better_plurals(name: str) -> Iterator[str]:
    """Yield alternatives for a plural."""
    yield snake_case(name)
    yield plural_of(snake_case(name))


def better_fields(name: str) -> Iterator[str]:
    """Yield alternatives for the name of a field."""
    meant = snake_case(name)
    if meant not in words.KERNEL_COLUMNS:
        yield meant
        yield words.BETTER_FIELDS.get(meant, f"{meant}_name")
