"""Names of resources and their fields: the forms they take, and which of them would not work."""

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
# What a table's longest key leaves for the table's own name.
MAX_NAME = MAX_IDENTIFIER - len("fk__tenant_id_owner_id_users")
# As much of a refused name is shown.
SHOWN = 40

# `site` adds the last ones, if it is there; linters know them anyway.
BUILTINS = frozenset(dir(builtins)) | {"copyright", "credits", "exit", "help", "license", "quit"}
KEYWORDS = frozenset(word.lower() for word in keyword.kwlist)

KERNELS = "belongs to the kernel"

# What is wrong with a name, and which other names may do.
About = Callable[[str], str | None]
Better = Callable[[str], Iterator[str]]


@dataclass(frozen=True)
class ResourceNames:
    """What a resource is called wherever it is named."""

    singular: str
    plural: str

    @property
    def class_name(self) -> str:
        """`OrderLine`."""
        return class_name(self.singular)

    @property
    def words(self) -> str:
        """`order line`."""
        return self.singular.replace("_", " ")

    @property
    def a_words(self) -> str:
        """`an order line`."""
        return with_a_or_an(self.words)

    @property
    def plural_words(self) -> str:
        """`order lines`."""
        return self.plural.replace("_", " ")

    @property
    def constant(self) -> str:
        """`ORDER_LINES`."""
        return self.plural.upper()

    @property
    def path(self) -> str:
        """`order-lines`, in a URL."""
        return self.plural.replace("_", "-")


def resource_names(singular: str, plural: str | None = None) -> ResourceNames:
    """What a resource is called; a name that would not work raises CommandError.

    Who gives the plural knows better than the rules: the singular may then look like a plural.
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
    """Refuse columns that would not work; of those that are references, say to which table."""
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
    """`order_line` as a class or a type is called: `OrderLine`."""
    return "".join(word.capitalize() for word in name.split("_"))


def member_name(choice: str) -> str:
    """`draft` as the member of an enumeration is called: `DRAFT`."""
    return f"{choice}_value".upper() if choice in words.LETTERS else choice.upper()


def snake_case(text: str) -> str:
    """What a text may have meant, in the spelling of names."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    )
    divided = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    return re.sub(r"[^a-z0-9]+", "_", divided.lower()).strip("_")


def refuse(name: str, about: About, better: Better) -> None:
    """Raise if there is something about a name, and suggest one about which there is nothing."""
    complaint = about(name)
    if complaint is None:
        return
    suggestion = next((word for word in better(name) if about(word) is None), None)
    advice = f": use {suggestion}" if suggestion else ""
    raise CommandError(f"{shown(name)} {complaint}{advice}")


def reject_alike(names: Sequence[str]) -> None:
    """Raise for a name that comes twice, or is spelled like another where it names a type."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(class_name(name), name)
        if other == name and names.count(name) > 1:
            raise CommandError(f"{name} is there twice: call one of them otherwise")
        if other != name:
            raise CommandError(f"{other} and {name} are too much alike: call one of them otherwise")


def reject_cut_off(name: str, table: str, referred: str | None) -> None:
    """Raise for a column whose index or key PostgreSQL would cut off."""
    identifiers = [f"ix_{table}_tenant_id_{name}"]
    if referred:
        identifiers.append(f"fk_{table}_tenant_id_{name}_{referred}")
    longest = max(identifiers, key=len)
    if len(longest.encode()) > MAX_IDENTIFIER:
        reason = f"PostgreSQL would cut {longest} off behind {MAX_IDENTIFIER} characters"
        raise CommandError(f"{name} is too long a name in the table {table}: {reason}")


def shown(name: str) -> str:
    """A name as a message can hold it."""
    short = name if len(name) <= SHOWN else f"{name[:SHOWN]}…"
    return short if short.isprintable() and re.fullmatch(r"\S+", short) else repr(short)


def about_resource(name: str) -> str | None:
    """What is wrong with a resource's name, also by the plural that it would have."""
    if complaint := about_singular(name):
        return complaint
    if singular := singular_of(name):
        return KERNELS if singular in words.KERNEL_RESOURCES else "is a plural"
    plural = plural_of(name)
    complaint = about_plural(plural)
    return complaint and f"has the plural {plural}, which {complaint}"


def about_singular(name: str) -> str | None:
    """What is wrong with a resource's name, whatever its plural is."""
    if complaint := about_spelling(name, MAX_NAME):
        return complaint
    if name in words.KERNEL_RESOURCES:
        return KERNELS
    if name in BUILTINS or class_name(name) in BUILTINS:
        return "is built into Python"
    if name in words.VARIABLES or class_name(name) in words.CLASSES:
        return "means something else in the code around it"
    return None


def about_plural(name: str) -> str | None:
    """What is wrong with a plural: a table, a package, a router and part of a URL."""
    if complaint := about_spelling(name, MAX_NAME):
        return complaint
    if name in words.KERNEL_PLURALS:
        return KERNELS
    if name.startswith("pg_"):
        return "looks like a table of PostgreSQL's own"
    if name in words.SQL_WORDS:
        return "is a reserved word of SQL"
    if name in BUILTINS:
        return "is built into Python"
    if name.upper() in words.CONSTANTS:
        return "means something else in tests"
    return None


def about_field(name: str) -> str | None:
    """What is wrong with a field's name, whatever its table is."""
    if complaint := about_spelling(name, MAX_IDENTIFIER):
        return complaint
    if name in words.KERNEL_COLUMNS:
        return "is the kernel's own column: leave it out, or call yours otherwise"
    if name in words.SQL_WORDS:
        return "is a reserved word of SQL"
    if name in words.SYSTEM_COLUMNS:
        return "is a column that PostgreSQL keeps in every table"
    if name in words.SCHEMA_ATTRIBUTES or name.startswith(words.SCHEMA_PREFIXES):
        return "means something else in schemas"
    if class_name(name) in BUILTINS | words.SCHEMA_IMPORTS:
        return "would have a type whose name is taken"
    return about_attribute(name)


def about_relation(name: str) -> str | None:
    """What is wrong with the attribute through which a reference is followed."""
    if complaint := about_spelling(name, MAX_IDENTIFIER) or about_attribute(name):
        return complaint
    return "means something else in tests" if name in words.FACTORY_NAMES else None


def about_attribute(name: str) -> str | None:
    """What is wrong with the name of an attribute of a model."""
    if name in words.MODEL_ATTRIBUTES:
        return "means something else in models"
    if name in words.BODY_NAMES or name in words.PARAMETERS:
        return "means something else in the code around it"
    return None


def about_spelling(name: str, longest: int) -> str | None:
    """What is wrong with a name, whatever it names."""
    if not NAME.fullmatch(name):
        return "is not in snake_case (ASCII letters and digits, a letter first)"
    if len(name) > longest:
        return f"has {len(name)} characters, of which PostgreSQL leaves room for {longest}"
    if name in KEYWORDS:
        return "is a keyword of Python"
    if name in words.LETTERS:
        return "is easily taken for a digit"
    return None


def better_resources(name: str) -> Iterator[str]:
    """Names that a resource could have instead."""
    meant = snake_case(name)
    singular = singular_of(meant) or meant
    yield singular
    yield words.BETTER_RESOURCES.get(singular, f"{singular}_entry")


def better_plurals(name: str) -> Iterator[str]:
    """The plural that was meant, or a plural of it."""
    yield snake_case(name)
    yield plural_of(snake_case(name))


def better_fields(name: str) -> Iterator[str]:
    """Names that a field could have instead."""
    meant = snake_case(name)
    if meant not in words.KERNEL_COLUMNS:
        yield meant
        yield words.BETTER_FIELDS.get(meant, f"{meant}_name")
