"""A new resource, and the variables of the templates in `scaffold/`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from chassis_tools.scaffolding import resource_parts
from chassis_tools.scaffolding.children import (
    Child,
    ParentLink,
    build_children_variables,
    build_parent_variables,
)
from chassis_tools.scaffolding.fields import Field, ListFilter, Reference
from chassis_tools.scaffolding.literals import Import, format_imports, literal
from chassis_tools.scaffolding.names import ResourceNames, to_member_name
from chassis_tools.scaffolding.resource_parts import Check, ForeignKey, Table

ADMIN, USER = "admin", "user"
COMMON_IMPORTS: dict[str, list[Import]] = {
    "models": [("sqlalchemy.orm", "Mapped")],
    "schemas": [("datetime", "datetime"), ("typing", "Literal"), ("uuid", "UUID")],
    "factory": [("typing", "Any")],
    "tests": [
        ("typing", "Any"),
        ("uuid", "uuid4"),
    ],
}


class Member(NamedTuple):
    """A member of an enum."""

    name: str
    value: str


class Enumeration(NamedTuple):
    """An enum class."""

    class_name: str
    members: list[Member]


@dataclass(frozen=True)
class Resource:
    """The names, columns and options of a new resource."""

    names: ResourceNames
    columns: Sequence[Field | Reference] = ()
    owned: bool = False
    soft_delete: bool = False
    read_public: bool = False
    role: str = ""
    """The role that users need to change rows; empty if every user may."""
    children: Sequence[Child] = ()
    child_of: ParentLink | None = None

    @property
    def fields(self) -> list[Field]:
        """Columns that are not references."""
        return [column for column in self.columns if isinstance(column, Field)]

    @property
    def references(self) -> list[Reference]:
        """Columns that refer to a row of a resource."""
        return [column for column in self.columns if isinstance(column, Reference)]

    @property
    def parents(self) -> list[Reference]:
        """Required references, whose rows must be created first."""
        return [reference for reference in self.references if not reference.optional]

    @property
    def relationships(self) -> list[Reference]:
        """References with a relationship."""
        return [reference for reference in self.references if reference.load]

    @property
    def eager_references(self) -> list[Reference]:
        """References whose rows are loaded with the row."""
        return [reference for reference in self.references if reference.is_eager]

    @property
    def relationship_targets(self) -> list[Reference]:
        """References with a relationship to another resource."""
        return [reference for reference in self.relationships if reference.target.module]

    @property
    def enumerations(self) -> list[Enumeration]:
        """Enum classes of the fields."""
        return [
            Enumeration(
                kind.annotation, [Member(to_member_name(value), value) for value in kind.choices]
            )
            for kind in (field.kind for field in self.fields)
            if kind.choices
        ]

    @property
    def filters(self) -> list[ListFilter]:
        """Filters of the list, from all columns."""
        return [filter_ for column in self.columns for filter_ in column.filters]

    @property
    def sorts(self) -> list[str]:
        """Names of the columns that lists can be sorted by."""
        return ["id", *(field.name for field in self.fields if field.sortable)]

    @property
    def sort_indexes(self) -> list[str]:
        """Names of the fields that have an index for sorted lists."""
        return [field.name for field in self.fields if field.sort]

    @property
    def uniques(self) -> list[Field]:
        """Fields with unique values."""
        return [field for field in self.fields if field.unique]

    @property
    def bound_checks(self) -> list[Check]:
        """Constraints for the flags `min` and `max`."""
        return [
            Check(field.name, field.kind.condition, f"{field.name}_range")
            for field in self.fields
            if field.kind.condition
        ]

    @property
    def sampled_columns(self) -> list[Field | Reference]:
        """Columns that have a value in the rows of tests."""
        return [*self.fields, *self.parents]

    @property
    def needs_row_numbers(self) -> bool:
        """True if the tests number their rows to keep values unique."""
        return any("number" in field.sample for field in self.uniques)

    @property
    def bases(self) -> list[str]:
        """Base classes of the model."""
        mixins = {"OwnedMixin": self.owned, "SoftDeleteMixin": self.soft_delete, "Record": True}
        return [name for name, is_used in mixins.items() if is_used]

    def get_imports_for(self, file: str) -> list[Import]:
        """Return the imports of one of the resource's files."""
        extra: dict[str, list[Import]] = {
            "models": self._get_model_imports(),
            "schemas": self._get_schema_imports(),
            "factory": [("itertools", "count")] * self.needs_row_numbers,
            "tests": [("sqlalchemy", "inspect")] * bool(self.eager_references),
        }
        return [*COMMON_IMPORTS[file], *extra.get(file, []), *self._get_field_imports(file)]

    def build_context(self) -> dict[str, Any]:
        """Return the variables of the templates."""
        return {
            **self._build_name_variables(),
            **self._build_option_variables(),
            **build_children_variables(self.names, self.children, owned=self.owned),
            **build_parent_variables(self.child_of),
            **self._build_role_variables(),
            **self._build_key_variables(),
            **self._build_column_variables(),
            **self._build_test_variables(),
            **self._build_import_variables(),
            **self._build_table_variables(),
        }

    def _build_name_variables(self) -> dict[str, Any]:
        names = self.names
        return {
            "name": names.singular,
            "names": names.plural,
            "Name": names.class_name,
            "path": names.path,
            "path_key": f"{{{names.singular}_id}}",
            "words": names.words,
            "plural_words": names.plural_words,
            "a_words": names.a_words,
            "table": literal(names.plural),
        }

    def _build_option_variables(self) -> dict[str, Any]:
        related = self.references or self.children
        can_conflict = any(column.unique for column in self.columns) or bool(related)
        conflicts = ["ConflictError"] if can_conflict else []
        # Rows of other tables may refer to the deleted row; a soft delete keeps it.
        delete_conflicts = [] if self.soft_delete else ["ConflictError"]
        create_errors = [*["ForbiddenError"] * bool(self.role), *conflicts]
        forbidden = ["ForbiddenError"] if self.owned or self.role else []
        errors = dict.fromkeys([*delete_conflicts, *conflicts, *forbidden, "NotFoundError"])
        role_dependency = {"": "", ADMIN: ", AdminUser"}.get(self.role, ", require_role")
        reader = "PublicReadSessionDep" if self.read_public else "ReadSessionDep"
        return {
            "owned": self.owned,
            "soft_delete": self.soft_delete,
            "read_public": self.read_public,
            "bases": ", ".join(self.bases),
            "mixins": ", ".join(sorted(self.bases)),
            "ReadSession": reader,
            "dependencies": f"CurrentUser, {reader}, SessionDep{role_dependency}",
            "errors": ", ".join(errors),
            "create_problems": f", responses=problem_responses({', '.join(create_errors)})"
            if create_errors
            else "",
            "change_errors": ", ".join(["NotFoundError", *forbidden, *conflicts]),
            "delete_errors": ", ".join(["NotFoundError", *forbidden, *delete_conflicts]),
        }

    def _build_role_variables(self) -> dict[str, Any]:
        """Return the variables of routes that require a role, and of their tests."""
        role = self.role
        dependencies, clients = {"": "CurrentUser", ADMIN: "AdminUser"}, {"": "user_client"}
        clients |= {ADMIN: "admin_client", USER: "user_client"}
        notes = {"": "", ADMIN: " (admins only)"}
        return {
            "Writer": dependencies.get(role, "Writer"),
            "writers": notes.get(role, f" (users with the role {role} only)"),
            "role": literal(role),
            "restricted": bool(role),
            "declares_writer": role not in dependencies,
            "creates_writer": role not in clients,
            "writer_client": clients.get(role, "writer_client"),
            "other_client": "admin_client" if role == USER else "user_client",
        }

    def _build_key_variables(self) -> dict[str, Any]:
        return {
            "key_type": "UUID",
            "key_input": "UUID",
            "key_in_path": "{created.id}",
            "key_is_text": False,
            "path_schemas": "Page",
            "timestamps": True,
            "default_sort": "-id",
            "order": "newest first",
            "input_options": "",
        }

    def _build_column_variables(self) -> dict[str, Any]:
        fields = self.fields
        return {
            "columns": list(self.columns),
            **{
                key: [*self.columns, *self.children]
                for key in ("mapped", "create_columns", "update_columns")
            },
            **self._build_input_variables(),
            "fields": fields,
            "references": self.references,
            "parents": self.parents,
            "relationships": self.relationships,
            "relationship_targets": self.relationship_targets,
            "constrained": [*(field for field in fields if field.constraint), *self.children],
            "typing_imports": format_imports(self._get_typing_imports()),
            "enumerations": self.enumerations,
            "enumeration_names": ", ".join(sorted(enum.class_name for enum in self.enumerations)),
            "filters": self.filters,
            "sorts": self.sorts,
            "has_json": bool(self._get_field_imports("migration")),
        }

    def _build_input_variables(self) -> dict[str, Any]:
        """Return the variables of a child's create schema, which extends its input schema."""
        if self.child_of is None:
            return {"create_base": "InputSchema", "input_columns": []}
        reference = self.child_of.reference
        return {
            "create_base": f"{self.names.class_name}Input",
            "create_columns": [reference],
            "input_columns": [column for column in self.columns if column is not reference],
        }

    def _build_test_variables(self) -> dict[str, Any]:
        owned, parents = self.owned, self.parents
        fixture = f"{'own' if owned else 'existing'}_{self.names.singular}"
        return {
            "required": [column.attribute for column in self.columns if column.required],
            "not_null": [column.attribute for column in self.columns if not column.optional],
            "parent_columns": [reference.attribute for reference in parents],
            "reference_columns": [reference.attribute for reference in self.references],
            "unique_columns": [
                column.attribute for column in self.sampled_columns if column.unique
            ],
            "changed": resource_parts.get_changeable_fields(self.fields),
            "invalid": resource_parts.get_invalid_values(self.fields),
            "defaults": resource_parts.get_default_values(self.columns),
            "filter_cases": resource_parts.build_filter_cases(self.filters),
            "sort_cases": resource_parts.build_sort_cases(self.fields),
            "cursor_sorts": ["-id", *self.sorts],
            "uses_counter": self.needs_row_numbers,
            "factory_parameters": resource_parts.format_factory_parameters(parents, owned=owned),
            "creates_owner": any(parent.target.owned for parent in parents) and not owned,
            "fixture": fixture,
            "fixture_in_path": f"{{{fixture}.id}}",
            "owner_fixture": ", user: User" if owned else "",
            "owner_argument": ", owner=user" if owned else "",
            "exact_values": resource_parts.format_exact_values(self.uniques),
            "eager": [reference.name for reference in self.eager_references],
            "eager_selects": resource_parts.format_eager_selects(self.relationships),
        }

    def _build_import_variables(self) -> dict[str, list[str]]:
        return {
            **{
                f"{file}_imports": format_imports(self.get_imports_for(file))
                for file in COMMON_IMPORTS
            },
            "table_imports": format_imports(self._get_table_imports()),
        }

    def _get_field_imports(self, file: str) -> list[Import]:
        return [import_ for field in self.fields for import_ in field.get_imports_for(file)]

    def _get_table_imports(self) -> list[Import]:
        keys = ["foreign_key"] * bool(self.references)
        indexes = ["sort_index"] * bool(self.sort_indexes)
        return [("app.core.tables", name) for name in [*keys, *indexes]]

    def _get_schema_imports(self) -> list[Import]:
        has_omissible = any(not column.optional for column in self.columns) or bool(self.children)
        lists: list[Import] = [("typing", "Annotated"), ("pydantic", "Field")]
        return [*[("pydantic", "MISSING")] * has_omissible, *lists * bool(self.children)]

    def _get_typing_imports(self) -> list[Import]:
        related = [reference.target for reference in self.relationship_targets]
        return [
            *((target.module, target.class_name) for target in related),
            *((child.models, child.class_name) for child in self.children),
        ]

    def _get_model_imports(self) -> list[Import]:
        has_mapped_column = any("mapped_column(" in column.mapped for column in self.columns)
        return [
            *[("sqlalchemy.orm", "mapped_column")] * has_mapped_column,
            *[("uuid", "UUID")] * bool(self.references),
            *[("sqlalchemy.orm", "relationship")] * bool(self.relationships or self.children),
            *[("typing", "TYPE_CHECKING")] * bool(self._get_typing_imports()),
        ]

    def _build_table_variables(self) -> dict[str, list[str]]:
        lines = {
            f"{prefix}{name}": values
            for prefix, tenant in (("", False), ("tenant_", True))
            for name, values in self.build_table(tenant=tenant).build_template_lines().items()
        }
        arguments = [
            *(
                f"CheckConstraint({literal(check.condition)}, name={literal(check.name)})"
                for check in self.bound_checks
            ),
            *(f"sort_index({literal(name)})" for name in self.sort_indexes),
        ]
        return lines | {"table_args": resource_parts.format_table_arguments(arguments)}

    def build_table(self, *, tenant: bool) -> Table:
        """Return the table that the migration creates."""
        owner = ForeignKey("owner_id", "users", "CASCADE")
        references = self.references
        keys = [ForeignKey(ref.attribute, ref.target.table, ref.on_delete) for ref in references]
        indexed = [column.attribute for column in self.columns if column.index]
        choices = [field for field in self.fields if field.kind.choices]
        return Table(
            self.names.plural,
            foreign_keys=[*[owner] * self.owned, *keys],
            uniques=[column.attribute for column in self.columns if column.unique],
            indexes=[*["owner_id"] * self.owned, *indexed],
            sort_indexes=self.sort_indexes,
            checks=[*map(build_choice_check, choices), *self.bound_checks],
            soft_delete=self.soft_delete,
            tenant=tenant,
        )


def build_choice_check(field: Field) -> Check:
    """Return the constraint that limits an enum's column to its values."""
    values = ", ".join(repr(value) for value in field.kind.choices)
    name = get_constraint_name(field.kind.annotation)
    return Check(field.name, f"{field.name} IN ({values})", name)


def get_constraint_name(enumeration: str) -> str:
    """Return the name that `app.core.models.text_enum` gives an enumeration's constraint."""
    return "_".join(re.findall("[A-Z][^A-Z]*", enumeration)).lower()
