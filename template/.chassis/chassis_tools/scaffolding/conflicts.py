"""Fields whose names conflict with each other, or with names in the code that is written."""

from collections.abc import Iterator

from chassis_tools.scaffolding.fields import Field
from chassis_tools.scaffolding.names import BUILTINS, MAX_IDENTIFIER
from chassis_tools.scaffolding.resource import Resource
from manage.errors import CommandError

CHECKED_FILES = ("models", "schemas")


def reject_name_conflicts(resource: Resource) -> None:
    """Reject fields whose names conflict with each other in the written files."""
    reject_shadowing_fields(resource)
    reject_shadowing_variables(resource)
    reject_duplicate_types(resource)
    reject_constraint_names(resource)


def reject_shadowing_fields(resource: Resource) -> None:
    """Reject a field that would hide a name that the model or a schema uses."""
    used = {name for file in CHECKED_FILES for _, name in resource.get_imports_for(file)}
    for column in resource.columns:
        if column.attribute in used:
            raise CommandError(
                f"{column.attribute} cannot be a field here: the code of another field of"
                f" {resource.names.singular} uses this name; use {column.attribute}_value"
            )


def reject_shadowing_variables(resource: Resource) -> None:
    """Reject a required reference whose variable in the tests would hide a name that they use."""
    for parent in resource.parents:
        is_owner = parent.name == "user" and resource.owned
        if is_owner or parent.name.startswith("make_") or parent.name in BUILTINS:
            raise CommandError(
                f"{parent.name} cannot be a required reference here, because the tests of"
                f" {resource.names.singular} use this name: choose another name, or add the flag"
                " optional"
            )


def reject_duplicate_types(resource: Resource) -> None:
    """Reject a field whose type has the same name as another type in the file."""
    for file in CHECKED_FILES:
        used = {name for _, name in resource.get_imports_for(file)} | get_used_names(resource)[file]
        for field in resource.fields:
            for name in get_own_types(field, file):
                if name in used:
                    raise CommandError(
                        f"{field.name} needs a type {name}, but another type has this name:"
                        " rename the field"
                    )
                used.add(name)


def get_used_names(resource: Resource) -> dict[str, set[str]]:
    """Return the names that each file defines or uses, except imports for fields."""
    name = resource.names.class_name
    return {
        "models": {name, *(reference.target.class_name for reference in resource.relationships)},
        "schemas": {f"{name}{role}" for role in ("Create", "Update", "Read", "Query")},
    }


def get_own_types(field: Field, file: str) -> Iterator[str]:
    """Yield the types that a file defines for this field."""
    if field.kind.choices:
        yield field.kind.annotation
    if field.constraint and file == "schemas":
        yield field.type_name


def reject_constraint_names(resource: Resource) -> None:
    """Reject a check constraint whose name is used twice or too long for PostgreSQL."""
    table = resource.build_table(tenant=False)
    columns: dict[str, str] = {}
    for check in table.checks:
        name = table.get_check_name(check)
        if other := columns.get(name):
            raise CommandError(
                f"{other} and {check.column} would both have the constraint {name}: rename one of"
                " the fields"
            )
        columns[name] = check.column
        if len(name) > MAX_IDENTIFIER:
            raise CommandError(
                f"{check.column} is too long for an enum in the table {resource.names.plural}:"
                f" PostgreSQL would truncate {name} to {MAX_IDENTIFIER} characters;"
                " use a shorter name"
            )
