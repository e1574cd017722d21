"""The columns of a resource, as the templates use them."""

from dataclasses import dataclass
from typing import NamedTuple

from chassis_tools.scaffolding.kinds import Filter, Kind
from chassis_tools.scaffolding.literals import Default, Import, format_omissible, literal

UNMATCHED = literal("other")


class ListFilter(NamedTuple):
    """A filter of a list endpoint, with a value that matches the samples and one that does not.

    `match` is empty for a reference, whose value depends on the created row.
    """

    name: str
    type: str
    match: str
    miss: str


@dataclass(frozen=True)
class Field:
    """A column that is not a reference."""

    name: str
    kind: Kind
    type_name: str
    """Alias of its constrained type in the schemas."""
    optional: bool = False
    unique: bool = False
    index: bool = False
    sort: bool = False
    """True if it has an index that serves lists sorted by it."""
    default: Default | None = None

    @property
    def attribute(self) -> str:
        """Name of the model's attribute and of the column."""
        return self.name

    def get_imports_for(self, file: str) -> set[Import]:
        """Return the imports that one of the resource's files needs for the column."""
        imports = set(self.kind.imports.get(file, ()))
        if file == "factory" and self.unique:
            imports |= self.kind.imports.get("unique", set())
        if file == "tests" and (self.unique or self.sortable):
            imports |= self.kind.imports.get("factory", set())
        if self.default and file in ("models", "schemas"):
            imports |= set(getattr(self.default, file))
        return imports

    @property
    def is_changeable(self) -> bool:
        """True if the tests have another value to update it with."""
        return self.kind.samples.change != self.kind.samples.factory

    @property
    def mapped(self) -> str:
        """Annotation and definition of the model's attribute."""
        options = [self.kind.column] if self.kind.column else []
        options += ["unique=True"] if self.unique else []
        options += ["index=True"] if self.index else []
        options += [f"server_default={self.default.server}"] if self.default else []
        column = f" = mapped_column({', '.join(options)})" if options else ""
        optional = " | None" if self.optional else ""
        return f"Mapped[{self.kind.annotation}{optional}]{column}"

    @property
    def read(self) -> str:
        """Type in the read schema."""
        return (self.kind.read or self.kind.annotation) + (" | None" if self.optional else "")

    @property
    def input(self) -> str:
        """Type of the value that a client sends."""
        if self.kind.constraint:
            return self.type_name
        return self.kind.input or self.kind.annotation

    @property
    def create(self) -> str:
        """Type and default in the create schema."""
        type_ = f"{self.input} | None" if self.optional else self.input
        if self.default:
            return f"{type_} = {self.default.python}"
        return f"{type_} = None" if self.optional else type_

    @property
    def patch(self) -> str:
        """Type and default in the update schema; only an optional value can be set to null."""
        return format_omissible(self.input, nullable=self.optional)

    @property
    def required(self) -> bool:
        """True if a client must send a value."""
        return not (self.optional or self.default)

    @property
    def response_default(self) -> str:
        """Value in the response if the client omits it; empty if it depends on the time."""
        return self.default.response if self.default else "None"

    @property
    def filters(self) -> list[ListFilter]:
        """Filters of the list endpoint that compare this column."""
        type_ = self.kind.filter_type or self.kind.input or self.kind.annotation
        filters = list(self.kind.filters)
        if (self.unique or self.index) and type_ == "str" and self.kind.constraint:
            filters = [Filter("", self.kind.samples.factory, UNMATCHED), *filters]
        return [
            ListFilter(f"{self.name}__{operator}" if operator else self.name, type_, match, miss)
            for operator, match, miss in filters
        ]

    @property
    def sortable(self) -> bool:
        """True if lists can be sorted by it: an index serves them."""
        return self.sort or (self.unique and self.can_sort)

    @property
    def can_sort(self) -> bool:
        """True if lists could be sorted by it: a cursor needs a value in every row."""
        return bool(self.kind.samples.ordered) and not self.optional

    @property
    def migration(self) -> str:
        """Column in an Alembic migration."""
        options = [literal(self.name), self.kind.migration]
        options += [f"server_default={self.default.migration}"] if self.default else []
        options += [] if self.optional else ["nullable=False"]
        return f"sa.Column({', '.join(options)})"

    @property
    def sql(self) -> str:
        """Column in a CREATE TABLE statement."""
        default = f" DEFAULT {self.default.sql}" if self.default else ""
        return f"{self.name} {self.kind.sql}{default}" + ("" if self.optional else " NOT NULL")

    @property
    def constraint(self) -> str:
        """Constrained type, whose alias is `type_name`; empty if there is none."""
        return self.kind.constraint

    @property
    def sample(self) -> str:
        """Value in a row that a test creates."""
        return self.kind.samples.unique if self.unique else self.kind.samples.factory

    @property
    def payload(self) -> str:
        """Value that a test sends to create a row."""
        return self.kind.samples.payload

    @property
    def change(self) -> str:
        """Value that a test sends to update a row."""
        return self.kind.samples.change


@dataclass(frozen=True)
class Target:
    """A resource that a reference points to."""

    singular: str
    class_name: str
    table: str
    """Name of its table, with its schema unless that is `public`."""
    module: str
    """Module of its model."""
    factory: str
    """Module of the function that creates a row for a test."""
    owned: bool


@dataclass(frozen=True)
class Reference:
    """A column that refers to a row of a resource."""

    name: str
    target: Target
    resource: str
    """Name of the model's class."""
    optional: bool = False
    unique: bool = False
    on_delete: str = "RESTRICT"
    load: str = ""
    """Loading strategy of the relationship; empty if there is no relationship."""

    @property
    def attribute(self) -> str:
        """Name of the model's attribute and of the column: "customer_id" for `customer`."""
        return f"{self.name}_id"

    @property
    def index(self) -> bool:
        """True if the column needs an index; a unique constraint already has one."""
        return not self.unique

    @property
    def required(self) -> bool:
        """True if a client must send a value."""
        return not self.optional

    @property
    def response_default(self) -> str:
        """Value in the response if the client omits it."""
        return "None"

    @property
    def input(self) -> str:
        """Type of the value that a client sends."""
        return "UUID"

    @property
    def mapped(self) -> str:
        """Annotation and definition of the model's attribute."""
        unique = ", unique=True" if self.unique else ""
        key = literal(f"{self.target.table}.id")
        column = f'foreign_key({key}, ondelete="{self.on_delete}"{unique})'
        return f"Mapped[{self.read}] = {column}"

    @property
    def relationship(self) -> str:
        """Annotation and definition of the relationship."""
        target = self.target.class_name
        optional = " | None" if self.optional else ""
        join = f"foreign({self.resource}.{self.attribute}) == remote({target}.id)"
        # Without a depth, SQLAlchemy does not load a row's reference to its own table.
        depth = ", join_depth=1" if self.is_eager and target == self.resource else ""
        return (
            f'Mapped["{target}{optional}"] = relationship('
            f'primaryjoin="{join}", viewonly=True, lazy="{self.load}"{depth})'
        )

    @property
    def is_eager(self) -> bool:
        """True if the referenced row is loaded with the row."""
        return self.load in ("joined", "selectin")

    @property
    def read(self) -> str:
        """Type in the read schema."""
        return "UUID | None" if self.optional else "UUID"

    @property
    def create(self) -> str:
        """Type and default in the create schema."""
        return "UUID | None = None" if self.optional else "UUID"

    @property
    def patch(self) -> str:
        """Type and default in the update schema; only an optional value can be set to null."""
        return format_omissible("UUID", nullable=self.optional)

    @property
    def filters(self) -> list[ListFilter]:
        """Filters of the list endpoint that compare this column."""
        return [ListFilter(self.attribute, "UUID", "", "str(uuid4())")]

    @property
    def migration(self) -> str:
        """Column in an Alembic migration."""
        required = "" if self.optional else ", nullable=False"
        return f"sa.Column({literal(self.attribute)}, sa.Uuid(){required})"

    @property
    def sql(self) -> str:
        """Column in a CREATE TABLE statement."""
        return f"{self.attribute} uuid" + ("" if self.optional else " NOT NULL")
