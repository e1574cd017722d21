"""The columns of a resource, as its templates see them."""

from dataclasses import dataclass
from typing import NamedTuple

from chassis_tools.scaffolding.kinds import Filter, Kind
from chassis_tools.scaffolding.literals import Default, Import, literal

ABSENT = literal("other")


class ListFilter(NamedTuple):
    """A filter of the list, with a value that finds the tests' samples and one that does not.

    Of a reference nothing is known that it finds.
    """

    name: str
    type: str
    match: str
    miss: str


@dataclass(frozen=True)
class Field:
    """A column with a value of its own."""

    name: str
    kind: Kind
    type_name: str
    """What its constrained type is called in the schemas."""
    optional: bool = False
    unique: bool = False
    index: bool = False
    default: Default | None = None

    @property
    def attribute(self) -> str:
        """The model's attribute and the column."""
        return self.name

    def imports(self, file: str) -> set[Import]:
        """What one of the resource's files imports for it."""
        found = set(self.kind.imports.get(file, ()))
        if file == "factory" and self.unique:
            found |= self.kind.imports.get("unique", set())
        if file == "tests" and (self.unique or self.sortable):
            found |= self.kind.imports.get("factory", set())
        if self.default and file in ("models", "schemas"):
            found |= set(getattr(self.default, file))
        return found

    @property
    def changes(self) -> bool:
        """Whether the tests can change it."""
        return self.kind.samples.change != self.kind.samples.factory

    @property
    def mapped(self) -> str:
        """The annotation of the model's attribute, and its column."""
        options = [self.kind.column] if self.kind.column else []
        if self.optional and self.kind.column == "JSONB":
            options = ["JSONB(none_as_null=True)"]
        options += ["unique=True"] if self.unique else []
        options += ["index=True"] if self.index else []
        options += [f"server_default={self.default.server}"] if self.default else []
        column = f" = mapped_column({', '.join(options)})" if options else ""
        return f"Mapped[{self.read}]{column}"

    @property
    def read(self) -> str:
        """The type in answers."""
        return self.kind.annotation + (" | None" if self.optional else "")

    @property
    def input(self) -> str:
        """The type of what a client sends."""
        if self.kind.constraint:
            return self.type_name
        return self.kind.input or self.kind.annotation

    @property
    def create(self) -> str:
        """The type, and the default, when a resource is made."""
        type_ = f"{self.input} | None" if self.optional else self.input
        if self.default:
            return f"{type_} = {self.default.python}"
        return f"{type_} = None" if self.optional else type_

    @property
    def required(self) -> bool:
        """Whether a client has to send it."""
        return not (self.optional or self.default)

    @property
    def left_out(self) -> str:
        """What an answer shows where a client sent nothing; empty if that depends on the time."""
        return self.default.shown if self.default else "None"

    @property
    def filters(self) -> list[ListFilter]:
        """How lists may be filtered by it."""
        type_ = self.kind.filter_type or self.kind.input or self.kind.annotation
        found = list(self.kind.filters)
        if (self.unique or self.index) and type_ == "str" and self.kind.constraint:
            found = [Filter("", self.kind.samples.factory, ABSENT), *found]
        return [
            ListFilter("__".join([self.name, operator][: 1 + bool(operator)]), type_, match, miss)
            for operator, match, miss in found
        ]

    @property
    def sortable(self) -> bool:
        """Whether lists may be sorted by it: a cursor needs a value in every row."""
        return bool(self.kind.samples.ordered) and not self.optional

    @property
    def migration(self) -> str:
        """The column in a migration of Alembic's."""
        options = [literal(self.name), self.kind.migration]
        options += [f"server_default={self.default.migration}"] if self.default else []
        options += [] if self.optional else ["nullable=False"]
        return f"sa.Column({', '.join(options)})"

    @property
    def sql(self) -> str:
        """The column in SQL."""
        default = f" DEFAULT {self.default.sql}" if self.default else ""
        return f"{self.name} {self.kind.sql}{default}" + ("" if self.optional else " NOT NULL")

    @property
    def constraint(self) -> str:
        """The constrained type behind `type_name`."""
        return self.kind.constraint

    @property
    def sample(self) -> str:
        """The value in a row that a test makes."""
        return self.kind.samples.unique if self.unique else self.kind.samples.factory

    @property
    def payload(self) -> str:
        """What a test sends to make a row."""
        return self.kind.samples.payload

    @property
    def change(self) -> str:
        """What a test sends to change a row."""
        return self.kind.samples.change


@dataclass(frozen=True)
class Target:
    """A resource that another refers to."""

    singular: str
    class_name: str
    table: str
    module: str
    """Where its model is."""
    factory: str
    """Where the function that makes one for a test is."""
    owned: bool


@dataclass(frozen=True)
class Reference:
    """A column that refers to a row of a resource."""

    name: str
    target: Target
    resource: str
    """The class that refers."""
    optional: bool = False
    unique: bool = False
    on_delete: str = "RESTRICT"
    load: str = ""
    """How the entity referred to is loaded; empty if it has no attribute."""

    @property
    def attribute(self) -> str:
        """The model's attribute and the column: `customer` as "customer_id"."""
        return f"{self.name}_id"

    @property
    def index(self) -> bool:
        """A unique one has its own."""
        return not self.unique

    @property
    def required(self) -> bool:
        """Whether a client has to send it."""
        return not self.optional

    @property
    def left_out(self) -> str:
        """What an answer shows where a client sent nothing."""
        return "None"

    @property
    def input(self) -> str:
        """The type of what a client sends."""
        return "UUID"

    @property
    def mapped(self) -> str:
        """The annotation of the model's attribute, and its column."""
        unique = ", unique=True" if self.unique else ""
        key = literal(f"{self.target.table}.id")
        column = f'foreign_key({key}, ondelete="{self.on_delete}"{unique})'
        return f"Mapped[{self.read}] = {column}"

    @property
    def relationship(self) -> str:
        """The annotation of the attribute for the entity, and how it is loaded."""
        target = self.target.class_name
        optional = " | None" if self.optional else ""
        join = f"foreign({self.resource}.{self.attribute}) == remote({target}.id)"
        return (
            f'Mapped["{target}{optional}"] = relationship('
            f'primaryjoin="{join}", viewonly=True, lazy="{self.load}")'
        )

    @property
    def read(self) -> str:
        """The type in answers."""
        return "UUID | None" if self.optional else "UUID"

    @property
    def create(self) -> str:
        """The type, and the default, when a resource is made."""
        return "UUID | None = None" if self.optional else "UUID"

    @property
    def filters(self) -> list[ListFilter]:
        """How lists may be filtered by it."""
        return [ListFilter(self.attribute, "UUID", "", "str(uuid4())")]

    @property
    def migration(self) -> str:
        """The column in a migration of Alembic's."""
        required = "" if self.optional else ", nullable=False"
        return f"sa.Column({literal(self.attribute)}, sa.Uuid(){required})"

    @property
    def sql(self) -> str:
        """The column in SQL."""
        return f"{self.attribute} uuid" + ("" if self.optional else " NOT NULL")
