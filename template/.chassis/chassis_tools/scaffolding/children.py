"""Child resources, whose rows are written and returned with their parent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chassis_tools.scaffolding.fields import Reference
from chassis_tools.scaffolding.literals import format_omissible, literal
from chassis_tools.scaffolding.modules import get_module_name
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import Project, find_role_file
from chassis_tools.scaffolding.request import MakeRequest
from chassis_tools.scaffolding.specifications import Specification, parse
from chassis_tools.scaffolding.templates import RECORDS_FOLDER, Record, read_record
from manage.errors import CommandError

MAX_CHILDREN = 100
# Variables of the parent's service, which has a variable for each list of children.
SERVICE_NAMES = ("changes", "created", "data", "owner", "self", "user", "values")


@dataclass(frozen=True)
class Child:
    """A child of a resource: a list in its schemas, and a relationship of its model."""

    names: ResourceNames
    parent: ResourceNames
    key: str
    """The child's column that refers to the parent."""
    models: str
    """Module of its model."""
    schemas: str
    repository: str

    @classmethod
    def from_files(
        cls,
        request: MakeRequest,
        names: ResourceNames,
        parent: ResourceNames,
        files: Collection[str],
    ) -> "Child":
        """Return the child that a command makes, given the paths of its files."""
        paths = (find_role_file(role, names, files) for role in ("models", "schemas"))
        models, schemas = (get_module_name(path) if path else "" for path in paths)
        path = find_role_file("repositories", names, files) or find_role_file(
            "repository", names, files
        )
        specifications = require_parent_reference(
            parent.singular, names, [parse(text) for text in request.fields]
        )
        key = find_parent_references(parent.singular, specifications)[0].column
        return cls(names, parent, key, models, schemas, get_module_name(path) if path else "")

    @property
    def attribute(self) -> str:
        """Name of the list and of the relationship: `lines` for `order_lines` of an order."""
        return name_children(self.names, self.parent)

    @property
    def class_name(self) -> str:
        """Name of the model's class."""
        return self.names.class_name

    @property
    def type_name(self) -> str:
        """Alias of the list's type in the parent's schemas."""
        return f"{self.class_name}Inputs"

    @property
    def types(self) -> set[str]:
        """Names of its classes in the parent's modules."""
        roles = ("", "Input", "Inputs", "Read", "Repository")
        return {f"{self.class_name}{role}" for role in roles}

    @property
    def constraint(self) -> str:
        """Type of the list in the parent's schemas."""
        return f"Annotated[list[{self.class_name}Input], Field(max_length={MAX_CHILDREN})]"

    @property
    def create(self) -> str:
        """Type and default in the parent's create schema."""
        return f"{self.type_name} = Field(default_factory=list)"

    @property
    def patch(self) -> str:
        """Type and default in the parent's update schema."""
        return format_omissible(self.type_name, nullable=False)

    @property
    def mapped(self) -> str:
        """Annotation and definition of the relationship in the parent's model."""
        child = self.class_name
        join = f"{self.parent.class_name}.id == foreign({child}.{self.key})"
        return (
            f'Mapped[list["{child}"]] = relationship(primaryjoin="{join}", viewonly=True,'
            f' order_by="{child}.id", lazy="selectin")'
        )


@dataclass(frozen=True)
class ParentLink:
    """The link of a child to its parent."""

    attribute: str
    """Name of the list of children in the parent's schemas."""
    reference: Reference
    schemas: str
    """Module of the parent's schemas."""
    context: Mapping[str, Any]
    """The variables of the parent's templates."""


def name_children(child: ResourceNames, parent: ResourceNames) -> str:
    """Return the name of the list: the child's plural without the parent's name."""
    return child.plural.removeprefix(f"{parent.singular}_")


def reject_child_options(request: MakeRequest) -> None:
    """Reject options that need routes or an owner, which a child does not have."""
    options = {
        "--owned": request.owned,
        "--soft-delete": request.soft_delete,
        "--read-public": request.read_public,
        "--write": request.write is not None,
    }
    given = next((option for option, is_set in options.items() if is_set), None)
    if request.child_of is not None and given:
        raise CommandError(f"{given} cannot be combined with --child-of: set it on the parent")


def find_parent_references(
    parent: str, specifications: Sequence[Specification]
) -> list[Specification]:
    """Return the fields that refer to the parent."""
    return [spec for spec in specifications if spec.type == "ref" and spec.arguments == [parent]]


def require_parent_reference(
    parent: str, names: ResourceNames, specifications: Sequence[Specification]
) -> list[Specification]:
    """Return the fields of a child, whose reference to the parent has on_delete=cascade."""
    references = find_parent_references(parent, specifications)
    option = f"--child-of {parent}"
    if not references:
        raise CommandError(f"{option}: add a reference to the parent, as in {parent}:ref:{parent}")
    if len(references) > 1:
        raise CommandError(f"{option}: only one field can refer to the parent")
    [reference] = references
    for flag in ("optional", "unique"):
        if flag in reference.flags:
            raise CommandError(f"{option}: {reference.name} cannot be {flag}")
    if reference.flags.get("on_delete", "cascade") != "cascade":
        raise CommandError(
            f"{option}: {reference.name} needs on_delete=cascade, because {names.plural_words} are"
            " deleted with the parent"
        )
    if len(specifications) == 1:
        raise CommandError(f"{option}: add a field besides the reference to the parent")
    cascading = replace(reference, flags={**reference.flags, "on_delete": "cascade"})
    return [cascading if spec is reference else spec for spec in specifications]


def find_children(project: Project, parent: ResourceNames) -> list[Child]:
    """Return the recorded children of a resource."""
    children = []
    for path in sorted((project.root / RECORDS_FOLDER).glob("*.json")):
        record = read_record(project.root, path.stem)
        request = parse_child(record) if record else None
        if record and request and request.child_of == parent.singular:
            names = ResourceNames(request.name, record.plural)
            children.append(Child.from_files(request, names, parent, record.files))
    return sort_children(children)


def sort_children(children: Sequence[Child]) -> list[Child]:
    """Return the children in the order of their fields in the parent."""
    return sorted(children, key=lambda child: child.names.singular)


def parse_child(record: Record) -> MakeRequest | None:
    """Return the command that made a child, or None if the resource is not a child."""
    if " --child-of " not in record.command:
        return None
    try:
        return MakeRequest.parse(record.command)
    except ValueError:  # A damaged record; the command that needs it names it.
        return None


def build_parent_variables(link: ParentLink | None) -> dict[str, Any]:
    """Return the variables of a child's templates that describe its parent."""
    if link is None:
        flags = dict.fromkeys(("is_child", *PARENT_FLAGS), False)
        return {**flags, **dict.fromkeys(PARENT_TEXTS, ""), "related": ""}
    parent, target = link.context, link.reference.target
    return {
        "is_child": True,
        "parent_owned": parent["owned"],
        "parent_soft_delete": parent["soft_delete"],
        "parent_creates_writer": parent["creates_writer"],
        "related": link.attribute,
        "parent": target.singular,
        "Parent": target.class_name,
        "a_parent_words": parent["a_words"],
        "parent_key": link.reference.attribute,
        "parent_path": parent["path"],
        "parent_table": target.table,
        "parent_models": target.module,
        "parent_schemas": link.schemas,
        "parent_factory": target.factory,
        "parent_argument": f"{link.reference.name}=existing_{target.singular}",
        "parent_owner_fixture": parent["owner_fixture"],
        "parent_owner_argument": parent["owner_argument"],
        "parent_client": parent["writer_client"],
        "parent_role": parent["role"],
    }


PARENT_FLAGS = ("parent_owned", "parent_soft_delete", "parent_creates_writer")
PARENT_TEXTS = (
    *("parent", "Parent", "a_parent_words", "parent_key", "parent_path", "parent_models"),
    *("parent_schemas", "parent_factory", "parent_argument", "parent_owner_fixture"),
    *("parent_owner_argument", "parent_client", "parent_role", "parent_table"),
)


def build_children_variables(
    resource: ResourceNames, children: Sequence[Child], *, owned: bool
) -> dict[str, Any]:
    """Return the variables of a parent's templates that depend on its children."""
    name = resource.class_name
    attributes = [child.attribute for child in children]
    excluded = f"exclude={{{', '.join(map(literal, attributes))}}}" if children else ""
    lists = " and ".join(attribute.replace("_", " ") for attribute in attributes)
    schemas = ["Create", *["Detail"] * bool(children), "Query", "Read", "Update"]
    return {
        "children": list(children),
        "Row": f"{name}Detail" if children else f"{name}Read",
        "schema_names": ", ".join(f"{name}{schema}" for schema in schemas),
        "owner_value": "owner_id=owner.id, " if owned else "",
        "dump_args": excluded,
        "update_args": ", ".join(["exclude_unset=True", *[excluded] * bool(children)]),
        "lock": ", with_for_update=True" if children else "",
        "replaced": f"; {lists} replace the existing ones" if children else "",
        "child_selects": ', "SELECT"' * len(children),
    }
