"""Names for what a database calls otherwise: resources are singular, and all is snake_case."""

import keyword
import re
import unicodedata

NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
# Columns that the kernel or Pydantic has a meaning for.
RESERVED = {
    "copy",
    "json",
    "metadata",
    "model_config",
    "owner_id",
    "registry",
    "schema",
    "tenant_id",
}
KERNEL = {"api_key", "auth", "core", "login_session", "main", "tenant", "user"}
SINGULARS = {
    "children": "child",
    "criteria": "criterion",
    "data": "datum",
    "indices": "index",
    "matrices": "matrix",
    "men": "man",
    "mice": "mouse",
    "movies": "movie",
    "people": "person",
    "women": "woman",
}
UNCHANGED = ("news", "ss", "us", "is", "series", "species", "staff", "lens", "gas", "media")


def resource_names(table: str) -> tuple[str, str] | None:
    """The singular and the plural of what a table holds; None if its name gives none."""
    name = snake_case(table)
    if not NAME.fullmatch(name):
        return None
    singular = singular_of(name) or name
    if singular in KERNEL or keyword.iskeyword(singular):
        singular = f"{singular}_entry"
    return singular, plural_of(singular)


def field_name(column: str, *, is_reference: bool = False) -> str | None:
    """What a column's field is called; None if its name gives none."""
    name = snake_case(column)
    if is_reference and len(name) > len("_id"):
        name = name.removesuffix("_id")
    if not NAME.fullmatch(name):
        return None
    return f"{name}_value" if name in RESERVED or keyword.iskeyword(name) else name


def snake_case(text: str) -> str:
    """What a text may have meant, in the spelling of names."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    divided = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    return re.sub(r"[^a-z0-9]+", "_", divided.lower()).strip("_")


def singular_of(name: str) -> str | None:
    """The name with its last word in the singular; None if it may be a singular already."""
    start, underscore, word = name.rpartition("_")
    if word in SINGULARS:
        return start + underscore + SINGULARS[word]
    if word.endswith(UNCHANGED) or not word.endswith("s"):
        return None
    if word.endswith("ies"):
        return f"{start}{underscore}{word[:-3]}y"
    length = 2 if word.endswith(("sses", "xes", "ches", "shes")) else 1
    return start + underscore + word[:-length]


def plural_of(name: str) -> str:
    """The name with its last word in the plural."""
    start, underscore, word = name.rpartition("_")
    plurals = {singular: plural for plural, singular in SINGULARS.items()}
    if word in plurals:
        return start + underscore + plurals[word]
    if word in ("news", "series", "species", "staff", "media"):
        return name
    if re.search("[^aeiou]y$", word):
        return name[:-1] + "ies"
    return name + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")
