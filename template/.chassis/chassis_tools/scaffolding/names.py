"""The names of resources and fields: their forms, and the checks that reject names."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chassis_tools.scaffolding import words
from chassis_tools.scaffolding.words import add_indefinite_article, pluralize, singularize
from manage.errors import CommandError

NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")

# PostgreSQL truncates longer identifiers without an error.
MAX_IDENTIFIER = 63
# The longest table name whose foreign keys still have a valid name.
MAX_NAME = MAX_IDENTIFIER - len("fk__tenant_id_owner_id_users")
# Messages shorten longer names.
MAX_SHOWN_LENGTH = 40

# The module `site` adds these names at startup, unless it is disabled; linters always reject them.
BUILTINS = frozenset(dir(builtins)) | {"copyright", "credits", "exit", "help", "license", "quit"}
KEYWORDS = frozenset(word.lower() for word in keyword.kwlist)

RESERVED_BY_KERNEL = "is reserved by the kernel"

# Functions that return the problem with a name, or yield alternatives to it.
FindProblem = Callable[[str], str | None]
Suggest = Callable[[str], Iterator[str]]


@dataclass(frozen=True)
class ResourceNames:
    """The forms of a resource's name."""

    singular: str
    plural: str

    @property
    def class_name(self) -> str:
        """Name of the model's class: `OrderLine`."""
        return to_class_name(self.singular)

    @property
    def words(self) -> str:
        """Name in prose: `order line`."""
        return self.singular.replace("_", " ")

    @property
    def a_words(self) -> str:
        """Name in prose with its indefinite article: `an order line`."""
        return add_indefinite_article(self.words)

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


def derive_names(singular: str, plural: str | None = None) -> ResourceNames:
    """Return the names of a resource; raise CommandError if one of them is not allowed.

    With an explicit plural, the singular may look like a plural.
    """
    if plural is None:
        reject_name(singular, find_resource_problem, suggest_resources)
        return ResourceNames(singular, pluralize(singular))
    reject_name(singular, find_singular_problem, suggest_resources)
    reject_name(plural, find_plural_problem, suggest_plurals)
    return ResourceNames(singular, plural)


def check_field_names(
    names: Sequence[str], *, table: str, references: Mapping[str, str] | None = None
) -> None:
    """Reject column names that are not allowed.

    `references` maps each foreign key column to the table that it refers to.
    """
    for name in names:
        reject_name(name, find_field_problem, suggest_fields)
    tables = references or {}
    relations = [name.removesuffix("_id") for name in tables if name.endswith("_id")]
    for relation in relations:
        reject_name(relation, find_relation_problem, suggest_fields)
    reject_duplicates([*names, *relations])
    for name in names:
        reject_long_identifiers(name, table, tables.get(name))


def to_class_name(name: str) -> str:
    """Convert a name to CamelCase: `order_line` to `OrderLine`."""
    return "".join(word.capitalize() for word in name.split("_"))


def to_member_name(choice: str) -> str:
    """Convert a choice to the name of an enum member: `draft` to `DRAFT`, `inUse` to `IN_USE`."""
    is_mixed = choice not in (choice.lower(), choice.upper())
    name = to_snake_case(choice) if is_mixed else choice
    return f"{name}_value".upper() if name.lower() in words.AMBIGUOUS_LETTERS else name.upper()


def to_snake_case(text: str) -> str:
    """Convert any text to snake_case."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    )
    words_divided = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    return re.sub(r"[^a-z0-9]+", "_", words_divided.lower()).strip("_")


def reject_name(name: str, find_problem: FindProblem, suggest: Suggest) -> None:
    """Reject a name that has a problem, and suggest a valid alternative."""
    problem = find_problem(name)
    if problem is None:
        return
    suggestion = next((word for word in suggest(name) if find_problem(word) is None), None)
    advice = f": use {suggestion}" if suggestion else ""
    if not suggestion and ":" not in problem:
        advice = ": choose another name"
    raise CommandError(f"{format_name(name)} {problem}{advice}")


def reject_duplicates(names: Sequence[str]) -> None:
    """Reject duplicate names, and names whose types would have the same name."""
    names_by_class: dict[str, str] = {}
    for name in names:
        other = names_by_class.setdefault(to_class_name(name), name)
        if other == name and names.count(name) > 1:
            raise CommandError(f"{name} is used twice: rename one of the fields")
        if other != name:
            raise CommandError(f"{other} and {name} are too similar: rename one of the fields")


def reject_long_identifiers(name: str, table: str, target: str | None) -> None:
    """Reject a column whose index or foreign key would have a name too long for PostgreSQL."""
    identifiers = [f"ix_{table}_tenant_id_{name}"]
    if target:
        identifiers.append(f"fk_{table}_tenant_id_{name}_{target}")
    longest = max(identifiers, key=len)
    if len(longest.encode()) > MAX_IDENTIFIER:
        raise CommandError(
            f"{name} is too long for a column of {table}: PostgreSQL would truncate {longest} to"
            f" {MAX_IDENTIFIER} characters; use a shorter name"
        )


def format_name(name: str) -> str:
    """Format a name for a message: shorten it, and quote it if it is not a plain word."""
    short = name if len(name) <= MAX_SHOWN_LENGTH else f"{name[:MAX_SHOWN_LENGTH]}…"
    return short if short.isprintable() and re.fullmatch(r"\S+", short) else repr(short)


def find_resource_problem(name: str) -> str | None:
    """Return the problem with a resource's name or its derived plural, or None."""
    if problem := find_singular_problem(name):
        return problem
    if singular := singularize(name):
        return RESERVED_BY_KERNEL if singular in words.KERNEL_RESOURCES else "is a plural"
    plural = pluralize(name)
    problem = find_plural_problem(plural)
    return problem and f"has the plural {plural}, which {problem}"


def find_singular_problem(name: str) -> str | None:
    """Return the problem with a resource's name, regardless of its plural, or None."""
    if problem := find_spelling_problem(name, MAX_NAME):
        return problem
    if name in words.KERNEL_RESOURCES:
        return RESERVED_BY_KERNEL
    if name in BUILTINS or to_class_name(name) in BUILTINS:
        return "is a built-in name of Python"
    if name in words.VARIABLES or to_class_name(name) in words.CLASSES:
        return "has another meaning in the generated code"
    return None


def find_plural_problem(name: str) -> str | None:
    """Return the problem with a plural, or None.

    The table, the package, the router and the URL segment are named after the plural.
    """
    if problem := find_spelling_problem(name, MAX_NAME):
        return problem
    if name in words.KERNEL_PLURALS:
        return RESERVED_BY_KERNEL
    if name.startswith("pg_"):
        return "starts with pg_, as PostgreSQL's system tables do"
    if name in words.RESERVED_KEYWORDS:
        return "is a reserved word in SQL"
    if name in BUILTINS:
        return "is a built-in name of Python"
    if name.upper() in words.CONSTANTS:
        return "has another meaning in the tests"
    return None


def find_field_problem(name: str) -> str | None:
    """Return the problem with a field's name, regardless of its table, or None."""
    if problem := find_spelling_problem(name, MAX_IDENTIFIER):
        return problem
    if name in words.KERNEL_COLUMNS:
        return "is a column of the kernel: leave it out, or choose another name"
    if name in words.RESERVED_KEYWORDS:
        return "is a reserved word in SQL"
    if name in words.SYSTEM_COLUMNS:
        return "is a system column of PostgreSQL"
    if name in words.SCHEMA_ATTRIBUTES or name.startswith(words.SCHEMA_PREFIXES):
        return "has another meaning in schemas"
    if to_class_name(name) in BUILTINS | words.SCHEMA_IMPORTS:
        return "would have a type with a reserved name"
    return find_attribute_problem(name)


def find_relation_problem(name: str) -> str | None:
    """Return the problem with the name of a relationship, or None."""
    if problem := find_spelling_problem(name, MAX_IDENTIFIER) or find_attribute_problem(name):
        return problem
    return "has another meaning in the tests" if name in words.FACTORY_NAMES else None


def find_attribute_problem(name: str) -> str | None:
    """Return the problem with the name of a model's attribute, or None."""
    if name in words.MODEL_ATTRIBUTES:
        return "has another meaning in models"
    if name in words.BODY_NAMES or name in words.PARAMETERS:
        return "has another meaning in the generated code"
    return None


def find_spelling_problem(name: str, longest: int) -> str | None:
    """Return the problem with the spelling or length of a name, or None."""
    if not NAME.fullmatch(name):
        return "is not in snake_case (ASCII letters and digits, a letter first)"
    if len(name) > longest:
        return f"has {len(name)} characters, but at most {longest} are allowed"
    if name in KEYWORDS:
        return "is a Python keyword"
    if name in words.AMBIGUOUS_LETTERS:
        return "is easily confused with a digit"
    return None


def suggest_resources(name: str) -> Iterator[str]:
    """Yield alternatives for the name of a resource."""
    snake_case = to_snake_case(name)
    singular = singularize(snake_case) or snake_case
    yield singular
    yield words.RESOURCE_ALTERNATIVES.get(singular, f"{singular}_entry")


def suggest_plurals(name: str) -> Iterator[str]:
    """Yield alternatives for a plural."""
    yield to_snake_case(name)
    yield pluralize(to_snake_case(name))


def suggest_fields(name: str) -> Iterator[str]:
    """Yield alternatives for the name of a field."""
    snake_case = to_snake_case(name)
    if snake_case not in words.KERNEL_COLUMNS:
        yield snake_case
        yield words.FIELD_ALTERNATIVES.get(snake_case, f"{snake_case}_name")
