"""Fields whose names, or whose types' names, mean something else in the resource's files."""

from collections.abc import Iterator

from manage.errors import CommandError
from manage.scaffolding.fields import Field
from manage.scaffolding.names import MAX_IDENTIFIER
from manage.scaffolding.resource import Resource

FILES = ("models", "schemas")


def refuse_clashes(resource: Resource) -> None:
    """Refuse columns that could not be written beside the others."""
    refuse_shadows(resource)
    refuse_doubled_types(resource)
    refuse_long_checks(resource)


def refuse_shadows(resource: Resource) -> None:
    """Refuse a field that would hide what the class body of the model or a schema uses."""
    used = {name for file in FILES for _, name in resource.imports(file)}
    for column in resource.columns:
        if column.attribute in used:
            raise CommandError(
                f"{column.attribute} cannot be a field here: another field of"
                f" {resource.names.singular} is written with that name; try {column.attribute}_value"
            )


def refuse_doubled_types(resource: Resource) -> None:
    """Refuse a field with a type that is called like something else in the same file."""
    for file in FILES:
        taken = {name for _, name in resource.imports(file)} | names_around(resource)[file]
        for field in resource.fields:
            for name in own_types(field, file):
                if name in taken:
                    raise CommandError(
                        f"{field.name} would have a type called {name}, as something else is:"
                        " call it otherwise"
                    )
                taken.add(name)


def names_around(resource: Resource) -> dict[str, set[str]]:
    """What else the files name, beside their imports for fields."""
    name = resource.names.class_name
    return {
        "models": {name, *(reference.target.class_name for reference in resource.loaded)},
        "schemas": {f"{name}{role}" for role in ("Create", "Update", "Read", "Query")},
    }


def own_types(field: Field, file: str) -> Iterator[str]:
    """The types that a file defines, or imports, for this field alone."""
    if field.kind.choices:
        yield field.kind.annotation
    if field.constraint and file == "schemas":
        yield field.type_name


def refuse_long_checks(resource: Resource) -> None:
    """Refuse an enumeration whose constraint has a longer name than PostgreSQL keeps."""
    table = resource.table(tenant=False)
    for check in table.checks:
        name = table.check_name(check)
        if len(name) > MAX_IDENTIFIER:
            raise CommandError(
                f"{check.column} is too long a name for an enum in the table"
                f" {resource.names.plural}: PostgreSQL would cut {name} off behind"
                f" {MAX_IDENTIFIER} characters"
            )
