"""The plan to create a resource."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from chassis_tools.migration_files import build_revision_variables
from chassis_tools.scaffolding.changes import Change, ChangeSet, read_migrations
from chassis_tools.scaffolding.children import (
    ParentLink,
    find_children,
    name_children,
    reject_child_options,
    require_parent_reference,
)
from chassis_tools.scaffolding.conflicts import reject_name_conflicts
from chassis_tools.scaffolding.fields import Field, Reference, Target
from chassis_tools.scaffolding.modules import get_module_name
from chassis_tools.scaffolding.names import (
    ResourceNames,
    check_field_names,
    derive_names,
    reject_long_identifiers,
)
from chassis_tools.scaffolding.project import Project, find_role_file, next_version
from chassis_tools.scaffolding.registries import RegistryError, add_model, add_router
from chassis_tools.scaffolding.request import MakeRequest
from chassis_tools.scaffolding.resource import Resource
from chassis_tools.scaffolding.specifications import (
    Specification,
    add_sort,
    make_field,
    make_reference,
    parse,
)
from chassis_tools.scaffolding.templates import (
    CHILD_FOLDER,
    WITHOUT_ROUTES_FOLDER,
    Record,
    RenderedFile,
    find_templates,
    format_files,
    get_record_path,
    read_record,
    render,
)
from manage.errors import CommandError


def plan_resource(project: Project, request: MakeRequest) -> ChangeSet:
    """Plan the changes that create the resource; no changes if it already exists unchanged."""
    reject_options(project, request)
    migrations = read_migrations(project.root)  # Read first: the plan depends on them.
    names = derive_names(request.name, request.plural)
    record = read_record(project.root, names.singular)
    if record and record.command == request.command and record.is_unchanged(project.root):
        return ChangeSet([])
    files = render_files(project, request, build_resource(project, request, names))
    reject_existing(project, names, files)
    changes = [Change(Path(path), None, text.encode()) for path, text in files.items()]
    record = Record.from_files(request.command, names.plural, files)
    changes.append(Change(Path(get_record_path(names.singular)), None, record.to_json().encode()))
    return ChangeSet([*changes, *plan_registrations(project, names, files)], migrations)


def reject_options(project: Project, request: MakeRequest) -> None:
    """Reject options that contradict each other, and an unknown role."""
    reject_child_options(request)
    if request.read_public and not request.routes:
        raise CommandError("--read-public cannot be combined with --no-routes")
    if request.write is None:
        return
    if not request.routes:
        raise CommandError("--write cannot be combined with --no-routes")
    if request.owned:
        raise CommandError(
            "--write cannot be combined with --owned, which allows owners and admins to change rows"
        )
    project.check_role(request.write)


def build_resource(project: Project, request: MakeRequest, names: ResourceNames) -> Resource:
    """Build the resource; raise CommandError if its names or fields are invalid."""
    specifications = [parse(text) for text in request.fields]
    parent = None
    if request.child_of is not None:
        parent, _ = find_parent(project, request.child_of)
        specifications = require_parent_reference(request.child_of, names, specifications)
    targets = {
        spec.column: find_target(project, request, names, spec)
        for spec in specifications
        if spec.type == "ref"
    }
    tables = {column: target.table.rpartition(".")[2] for column, target in targets.items()}
    columns = [spec.column for spec in specifications]
    check_field_names(columns, table=names.plural, references=tables)
    built = [build_column(spec, names, targets.get(spec.column)) for spec in specifications]
    for name in request.sorts:
        built = add_sort(built, name)
        reject_long_identifiers(f"{name}_id", names.plural, None)  # The name of the index.
    resource = Resource(
        names,
        built,
        owned=request.owned,
        soft_delete=request.soft_delete,
        read_public=request.read_public,
        role=request.write or "",
        children=find_children(project, names),
        child_of=build_parent_link(project, parent, names, built) if parent else None,
    )
    reject_name_conflicts(resource)
    return resource


def build_parent_link(
    project: Project,
    parent: Resource,
    names: ResourceNames,
    columns: Sequence[Field | Reference],
) -> ParentLink:
    """Build the link of a child to its parent."""
    reference = next(
        column
        for column in columns
        if isinstance(column, Reference) and column.target.singular == parent.names.singular
    )
    record = read_record(project.root, parent.names.singular)
    schemas = find_role_file("schemas", parent.names, record.files) if record else None
    return ParentLink(
        name_children(names, parent.names),
        reference,
        get_module_name(schemas) if schemas else "",
        parent.build_context(),
    )


def find_parent(project: Project, singular: str) -> tuple[Resource, Record]:
    """Return the parent of a child; raise CommandError if it cannot have children."""
    record = read_record(project.root, singular) if singular.isidentifier() else None
    if record is None:
        suggestion = project.suggest_resource(singular)
        advice = f"use {suggestion}" if suggestion not in (None, singular) else "make it first"
        raise CommandError(f"--child-of {singular}: there is no record of this resource: {advice}")
    if not record.command.startswith("manage make "):
        raise CommandError(
            f"--child-of {singular}: `manage make` did not make this resource: write the code by"
            " hand"
        )
    request = MakeRequest.parse(record.command)
    if not request.has_routes:
        raise CommandError(
            f"--child-of {singular}: this resource has no routes that could write the children"
        )
    return build_resource(project, request, ResourceNames(singular, record.plural)), record


def find_target(
    project: Project, request: MakeRequest, names: ResourceNames, specification: Specification
) -> Target:
    """Return the resource that a reference points to, which may be the new resource itself."""
    target = "".join(specification.arguments)
    if not target:
        raise CommandError(
            f"{specification.name}: a reference needs a resource, as in ref:customer"
        )
    if target == "tenant":
        raise CommandError(
            f"{specification.name}: a field cannot refer to a tenant; with multi-tenancy, every row"
            " already has one: leave the field out"
        )
    if target != names.singular:
        return project.get_target(target)
    if "optional" not in specification.flags:
        raise CommandError(
            f"{specification.name}: a self-reference must be optional, because the first"
            f" {names.words} has no row to refer to: add the flag optional"
        )
    return Target(names.singular, names.class_name, names.plural, "", "", owned=request.owned)


def build_column(
    specification: Specification, names: ResourceNames, target: Target | None
) -> Field | Reference:
    """Build the column of a field specification."""
    if target:
        return make_reference(specification, target, resource=names.class_name)
    return make_field(specification, resource=names.class_name)


def render_files(project: Project, request: MakeRequest, resource: Resource) -> dict[str, str]:
    """Render the files of the resource; return their texts by path, formatted."""
    folder = project.root / "scaffold"
    templates = list(find_templates(folder, resource.names))
    if not templates:
        raise CommandError("There are no templates in scaffold/: restore them from git")
    if not request.has_routes:
        templates = [one for one in templates if not one.is_for_routes(resource.names)]
        templates += find_templates(folder, resource.names, WITHOUT_ROUTES_FOLDER)
    if request.child_of is not None:
        templates += find_templates(folder, resource.names, CHILD_FOLDER)
    context: dict[str, Any] = resource.build_context()
    files: dict[str, RenderedFile] = {}
    for template in templates:
        if not template.is_migration:
            files[template.target] = RenderedFile(render(template, context), template.name)
        elif request.migration:
            version = next_version(project.root / "migrations" / "app")
            suffix = template.target.rpartition(".")[2]
            path = f"migrations/app/{version}_create_{resource.names.plural}.{suffix}"
            text = render(template, context | build_revision_variables())
            files[path] = RenderedFile(text, template.name)
    return add_packages(project, format_files(files, project.root))


def add_packages(project: Project, files: dict[str, str]) -> dict[str, str]:
    """Add an empty `__init__.py` for each new package to the files."""
    packages = {
        (folder / "__init__.py").as_posix()
        for path in files
        for folder in Path(path).parents
        if path.startswith(("app/", "tests/")) and folder != Path()
    }
    missing = {path for path in packages if not (project.root / path).exists()}
    return dict.fromkeys(missing, "") | files


def plan_registrations(
    project: Project, names: ResourceNames, files: dict[str, str]
) -> list[Change]:
    """Plan the changes of the registries."""
    changes = []
    for role, add, name in (
        ("models", add_model, names.class_name),
        ("routes", add_router, names.plural),
    ):
        if path := find_role_file(role, names, files):
            registry = project.get_registry_path(role)
            text = project.read(registry)
            try:
                edited = add(text, module=get_module_name(path), name=name)
            except RegistryError as error:
                raise CommandError(f"{registry}: {error}") from error
            changes.append(Change(Path(registry), text.encode(), edited.encode()))
    return changes


def reject_existing(project: Project, names: ResourceNames, files: Collection[str]) -> None:
    """Reject a resource whose files, modules or model already exist."""
    for path in sorted(files):
        if (project.root / path).exists():
            raise CommandError(
                f"{path} already exists: choose another name, or run"
                f" `manage remove {names.singular}`"
            )
        if other := find_import_conflict(project.root, path):
            raise CommandError(
                f"{path} would conflict with {other} in imports: choose another name"
            )
    if existing := project.find_existing_model(names):
        raise CommandError(f"The model {existing} already exists: choose another name")


def find_import_conflict(root: Path, path: str) -> str | None:
    """Return the existing module or package whose import name the new file would have."""
    module = Path(path)
    if module.name == "__init__.py":
        module = module.parent.with_suffix(".py")
    elif module.suffix == ".py":
        module = module.with_suffix("")
    return module.as_posix() if (root / module).exists() and module != Path(path) else None
