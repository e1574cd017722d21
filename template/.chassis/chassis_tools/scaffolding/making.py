"""The plan of a new resource."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis_tools.migration_files import place_after_heads
from chassis_tools.scaffolding.changes import Change, ChangeSet, read_migrations
from chassis_tools.scaffolding.fields import Field, Reference, Target
from chassis_tools.scaffolding.names import (
    MAX_IDENTIFIER,
    ResourceNames,
    check_field_names,
    class_name,
    resource_names,
)
from chassis_tools.scaffolding.project import Project, module_name, next_version, place_of
from chassis_tools.scaffolding.registries import RegistryError, add_model, add_router
from chassis_tools.scaffolding.resource import Resource
from chassis_tools.scaffolding.specifications import (
    Specification,
    make_field,
    make_reference,
    parse,
)
from chassis_tools.scaffolding.templates import (
    Made,
    Record,
    find_templates,
    read_record,
    record_path,
    render,
    tidy,
)
from manage.errors import CommandError

FILES = ("models", "schemas")


def reject_clashes(resource: Resource) -> None:
    """Refuse columns that could not be written beside the others."""
    reject_shadows(resource)
    reject_doubled_types(resource)
    reject_long_checks(resource)


def reject_shadows(resource: Resource) -> None:
    """Refuse a field that would hide what the class body of the model or a schema uses."""
    used = {name for file in FILES for _, name in resource.imports(file)}
    for column in resource.columns:
        if column.attribute in used:
            raise CommandError(
                f"{column.attribute} cannot be a field here: another field of"
                f" {resource.names.singular} is written with that name; try {column.attribute}_value"
            )


def reject_doubled_types(resource: Resource) -> None:
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


def reject_long_checks(resource: Resource) -> None:
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


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    name: str
    fields: Sequence[str] = ()
    plural: str | None = None
    owned: bool = False
    soft_delete: bool = False
    read_public: bool = False
    migration: bool = True

    @property
    def command(self) -> str:
        """The command that asks for it."""
        options = {
            "--owned": self.owned,
            "--soft-delete": self.soft_delete,
            "--read-public": self.read_public,
            "--no-migration": not self.migration,
        }
        plural = ["--plural", self.plural] if self.plural else []
        given = [option for option, wanted in options.items() if wanted]
        return shlex.join(["manage", "make", self.name, *self.fields, *plural, *given])

    def next_step(self, *, is_applied: bool) -> str:
        """What it takes to use it, and where."""
        url = f"GET /api/v1/{resource_names(self.name, self.plural).path}"
        if not self.migration:
            return f"{url} answers as soon as its table is there."
        if is_applied:
            return f"Its table is in the local database: {url} answers."
        return f"`uv run manage migrate apply` adds its table; then {url} answers."


def plan(project: Project, request: Request) -> ChangeSet:
    """The files that the resource adds and changes; none if it is there as asked for."""
    migrations = read_migrations(project.root)  # Before any of them is looked at.
    names = resource_names(request.name, request.plural)
    record = read_record(project.root, names.singular)
    if record and record.command == request.command and record.is_untouched(project.root):
        return ChangeSet([])
    files = make_files(project, request, design(project, request, names))
    reject_existing(project, names, files)
    changes = [Change(Path(path), None, text.encode()) for path, text in files.items()]
    record = Record.of(request.command, names.plural, files)
    changes.append(Change(Path(record_path(names.singular)), None, record.as_text().encode()))
    return ChangeSet([*changes, *register(project, names, files)], migrations)


def design(project: Project, request: Request, names: ResourceNames) -> Resource:
    """The resource that was asked for, if there can be such a one."""
    specifications = [parse(text) for text in request.fields]
    targets = {
        one.column: find_target(project, request, names, one)
        for one in specifications
        if one.type == "ref"
    }
    tables = {column: target.table for column, target in targets.items()}
    columns = [one.column for one in specifications]
    check_field_names(columns, table=names.plural, references=tables)
    resource = Resource(
        names,
        [make_column(one, names, targets.get(one.column)) for one in specifications],
        owned=request.owned,
        soft_delete=request.soft_delete,
        read_public=request.read_public,
    )
    reject_clashes(resource)
    return resource


def find_target(
    project: Project, request: Request, names: ResourceNames, specification: Specification
) -> Target:
    """What a reference refers to: another resource or its own."""
    target = "".join(specification.arguments)
    if not target:
        raise CommandError(f"{specification.name}: a reference names its resource: ref:customer")
    if target == "tenant":
        raise CommandError(f"{specification.name}: every row belongs to its tenant already")
    if target != names.singular:
        return project.target(target, class_name(target))
    if "optional" not in specification.flags:
        raise CommandError(
            f"{specification.name}: the first {names.words} could refer to no other:"
            " add the flag optional"
        )
    return Target(names.singular, names.class_name, names.plural, "", "", owned=request.owned)


def make_column(
    specification: Specification, names: ResourceNames, target: Target | None
) -> Field | Reference:
    """The column of a specification."""
    if target:
        return make_reference(specification, target, resource=names.class_name)
    return make_field(specification, resource=names.class_name)


def make_files(project: Project, request: Request, resource: Resource) -> dict[str, str]:
    """The texts by path, tidied."""
    folder = project.root / "scaffold"
    templates = list(find_templates(folder, resource.names))
    if not templates:
        raise CommandError("There are no templates in scaffold/: bring them back from git")
    context: dict[str, Any] = resource.context()
    files: dict[str, Made] = {}
    for template in templates:
        if not template.is_migration:
            files[template.target] = Made(render(template, context), template.name)
        elif request.migration:
            version = next_version(project.root / "migrations" / "app")
            suffix = template.target.rpartition(".")[2]
            path = f"migrations/app/{version}_create_{resource.names.plural}.{suffix}"
            text = render(template, context | place_after_heads(version))
            files[path] = Made(text, template.name)
    return add_packages(project, tidy(files, project.root))


def add_packages(project: Project, files: dict[str, str]) -> dict[str, str]:
    """The files, and an empty `__init__.py` for each new package among them."""
    packages = {
        (folder / "__init__.py").as_posix()
        for path in files
        for folder in Path(path).parents
        if path.startswith(("app/", "tests/")) and folder != Path()
    }
    missing = {path for path in packages if not (project.root / path).exists()}
    return dict.fromkeys(missing, "") | files


def register(project: Project, names: ResourceNames, files: dict[str, str]) -> list[Change]:
    """What changes in the registries."""
    changes = []
    for role, add, name in (
        ("models", add_model, names.class_name),
        ("routes", add_router, names.plural),
    ):
        if path := place_of(role, names, files):
            registry = project.registry(role)
            text = project.read(registry)
            try:
                added = add(text, module=module_name(path), name=name)
            except RegistryError as error:
                raise CommandError(f"{registry}: {error}") from error
            changes.append(Change(Path(registry), text.encode(), added.encode()))
    return changes


def reject_existing(project: Project, names: ResourceNames, files: Collection[str]) -> None:
    """Stop before anything that is there already."""
    for path in sorted(files):
        if (project.root / path).exists():
            raise CommandError(
                f"{path} exists already: choose another name, or `manage remove {names.singular}`"
            )
        if hidden := hidden_by(project.root, path):
            raise CommandError(f"{hidden} would be hidden by {path}: choose another name")
    tables = {model.table: model.class_name for model in project.models.values()}
    if names.class_name in project.models or names.plural in tables:
        taken = tables.get(names.plural, names.class_name)
        raise CommandError(f"The model {taken} exists already: choose another name")


def hidden_by(root: Path, path: str) -> str | None:
    """The module that Python would not find any more, or would find instead of the new one."""
    module = Path(path)
    if module.name == "__init__.py":
        module = module.parent.with_suffix(".py")
    elif module.suffix == ".py":
        module = module.with_suffix("")
    return module.as_posix() if (root / module).exists() and module != Path(path) else None
