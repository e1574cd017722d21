"""Names for what a database calls otherwise, by the rules for those that people give."""

from manage.errors import CommandError
from manage.scaffolding.inflection import singular_of
from manage.scaffolding.names import ResourceNames, about_field, resource_names, snake_case


def names_after(table: str) -> ResourceNames | None:
    """What the resource of a table is called; None if the table's name gives none."""
    meant = snake_case(table)
    singular = singular_of(meant) or meant
    # A suggestion for people could mean another table here: `customer` for `user`.
    for name in (singular, f"{singular}_entry"):
        try:
            return resource_names(name)
        except CommandError:
            continue
    return None


def field_name(column: str, *, is_reference: bool = False, is_kept: bool = False) -> str | None:
    """What the field of a column is called; None if the column's name gives none."""
    name = snake_case(column)
    if is_kept and name == column:
        return name
    if is_reference and len(name) > len("_id"):
        name = name.removesuffix("_id")
    names = (name, f"{name}_entry" if is_reference else f"{name}_value")
    return next((each for each in names if about_field(each) is None), None)
