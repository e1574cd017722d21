"""Changes of a parent's files when a child is made or removed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from chassis_tools.extending.editing import (
    EditPlan,
    build_record_change,
    edit_files,
    format_instruction,
)
from chassis_tools.scaffolding.changes import Change, ChangeSet
from chassis_tools.scaffolding.children import (
    SERVICE_NAMES,
    Child,
    parse_child,
    sort_children,
)
from chassis_tools.scaffolding.creation import find_parent, plan_resource, render_files
from chassis_tools.scaffolding.names import ResourceNames, derive_names
from chassis_tools.scaffolding.project import Project
from chassis_tools.scaffolding.request import MakeRequest
from chassis_tools.scaffolding.resource import Resource
from chassis_tools.scaffolding.templates import Record, compute_fingerprint
from chassis_tools.scaffolding.words import KERNEL_COLUMNS, MODEL_ATTRIBUTES, SCHEMA_ATTRIBUTES
from manage.errors import CommandError

USED_NAMES = {*SERVICE_NAMES, *KERNEL_COLUMNS, *MODEL_ATTRIBUTES, *SCHEMA_ATTRIBUTES}


@dataclass(frozen=True)
class Parent:
    """The parent of a child, without the child."""

    project: Project
    resource: Resource
    record: Record

    @classmethod
    def find(cls, project: Project, singular: str, child: str) -> "Parent":
        """Find a parent by its name."""
        resource, record = find_parent(project, singular)
        others = [other for other in resource.children if other.names.singular != child]
        return cls(project, replace(resource, children=others), record)

    def render(self, *children: Child) -> Mapping[str, str]:
        """Return the parent's files with its other children and these, by path."""
        resource = self.resource
        family = sort_children([*resource.children, *children])
        request = replace(MakeRequest.parse(self.record.command), migration=False)
        return render_files(self.project, request, replace(resource, children=family))

    def reject_names(self, child: Child) -> None:
        """Reject a child whose names have another meaning in the parent's code."""
        resource, name = self.resource, child.attribute
        columns = [column.attribute for column in resource.columns]
        relations = [reference.name for reference in resource.references]
        lists = [other.attribute for other in resource.children]
        used = {*columns, *relations, *lists, *USED_NAMES, resource.names.singular}
        types = {*(field.type_name for field in resource.fields)}
        types |= {enumeration.class_name for enumeration in resource.enumerations}
        if not types.isdisjoint(child.types):
            raise CommandError(
                f"--child-of {resource.names.singular}: a field of the parent has a type with the"
                " name of the child: choose another name"
            )
        if name in used or not name.isidentifier():
            raise CommandError(
                f"--child-of {resource.names.singular}: the list would be named {name}, which has"
                " another meaning in the parent's code: choose another name or --plural"
            )


def plan_child(project: Project, request: MakeRequest) -> EditPlan:
    """Plan the changes that make a child, and those of its parent's files."""
    changes = plan_resource(project, request)
    if not changes.changes or request.child_of is None:
        return EditPlan(changes, {})
    names = derive_names(request.name, request.plural)
    parent = Parent.find(project, request.child_of, names.singular)
    paths = [change.path.as_posix() for change in changes.changes]
    child = Child.from_files(request, names, parent.resource.names, paths)
    parent.reject_names(child)
    first, second = parent.render(), parent.render(child)
    own_text = "".join(read_text(change) for change in changes.changes)
    has_support = f"class {child.class_name}Input(" in own_text and any(
        f"{child.class_name}Repository(" in text for text in second.values()
    )
    if not has_support:
        raise CommandError(
            f"--child-of {request.child_of}: the templates in scaffold/ do not support children:"
            " copy those of a new project"
        )
    labels = (f"without {names.singular}", f"with {names.singular}")
    edits = edit_files(project, parent.record, first, second, labels)
    record = replace(parent.record, files=dict(edits.hashes))
    added = [*edits.changes, build_record_change(project, request.child_of, record)]
    return EditPlan(ChangeSet([*changes.changes, *added], changes.migrations), edits.instructions)


def read_text(change: Change) -> str:
    """Return the new text of a changed file."""
    return (change.after or b"").decode()


def plan_parent_removal(project: Project, singular: str, record: Record) -> EditPlan:
    """Plan the changes that remove a child from the parent's files that nobody edited since."""
    request = parse_child(record)
    if request is None or request.child_of is None:
        return EditPlan(ChangeSet([]), {})
    names = ResourceNames(singular, record.plural)
    parent = Parent.find(project, request.child_of, singular)
    child = Child.from_files(request, names, parent.resource.names, record.files)
    first, second = parent.render(child), parent.render()
    changes: list[Change] = []
    instructions: dict[str, str] = {}
    hashes = dict(parent.record.files)
    for path, text in second.items():
        if text == first.get(path) or not (project.root / path).is_file():
            continue
        before = project.read(path)
        plain = before.replace("\r\n", "\n")
        if plain == first[path]:
            after = text if plain == before else text.replace("\n", "\r\n")
            changes.append(Change(Path(path), before.encode(), after.encode()))
            hashes[path] = compute_fingerprint(after.encode())
        elif plain != text:
            labels = (f"with {singular}", f"without {singular}")
            instructions[path] = format_instruction("you edited it", first[path], text, labels)
    changed = replace(parent.record, files=hashes)
    changes.append(build_record_change(project, request.child_of, changed))
    return EditPlan(ChangeSet(changes), instructions)
