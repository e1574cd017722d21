"""The columns of a table that is there, as its resource's templates see them."""

from collections.abc import Iterator
from dataclasses import dataclass

from manage.adoption.inputs import annotation_imports, input_of, operators, origins, value_of
from manage.adoption.sql import bound, is_unknown, local
from manage.inspection.fields import Access
from manage.inspection.tables import Column
from manage.scaffolding.fields import ListFilter
from manage.scaffolding.snippets import Import, literal

PATH_KEY: Import = ("app.core.schemas", "PathKey")
MADE_BY_SQLALCHEMY = ("Computed", "FetchedValue", "Identity", "text")


@dataclass(frozen=True)
class ExistingColumn:
    """A column of a table that is there."""

    column: Column
    attribute: str
    """What the model and the API call it."""
    access: Access
    is_key: bool = False
    is_serial: bool = False
    """Whether its numbers come from a sequence that belongs to it."""
    is_touched: bool = False
    """Whether a trigger may set it behind an UPDATE."""
    is_searched: bool = False
    is_reference: bool = False

    @property
    def is_given(self) -> bool:
        """Whether clients may send it when they make a row."""
        if self.is_key and self.column.type.python == "UUID":
            return False
        return self.access == "read and write"

    @property
    def read(self) -> str:
        """The type in answers."""
        return self.column.type.python + (" | None" if self.column.nullable else "")

    @property
    def input(self) -> str:
        """The type of what a client sends."""
        type_ = input_of(self.column)[0]
        return type_.replace("str", PATH_KEY[1], 1) if self._is_text_key else type_

    @property
    def _is_text_key(self) -> bool:
        return self.is_key and self.column.type.python == "str"

    @property
    def create(self) -> str:
        """The type when a row is made; what is left out is for the database to fill in."""
        return f"{self.input} | None = None" if self.column.is_filled else self.input

    @property
    def mapped(self) -> str:
        """The annotation of the model's attribute, and its column."""
        return f"Mapped[{self.read}] = mapped_column({', '.join(self._options())})"

    def _options(self) -> Iterator[str]:
        column = self.column
        quote = is_unknown(column.name)
        if column.name != self.attribute or quote:
            yield literal(column.name)
        yield self._type()
        yield from self._origin()
        if column.name != self.attribute:
            yield f"key={literal(self.attribute)}"
        if quote:
            yield "quote=True"
        if self.is_key:
            yield "primary_key=True"
        if column.comment:
            yield f"comment={literal(column.comment)}"

    def _type(self) -> str:
        expression, collation = self.column.type.expression, self.column.collation
        if not collation or self.column.type.python != "str":
            return expression
        opened = expression.removesuffix(")") + (", " if expression.endswith(")") else "(")
        return f"{opened}collation={literal(collation)})"

    def _origin(self) -> Iterator[str]:
        column = self.column
        if column.generated:
            yield f"Computed({literal(local(column.generated))}, persisted={column.stored})"
        elif column.identity:
            options = {"always": column.identity.always} | column.identity.options
            yield f"Identity({', '.join(f'{name}={value}' for name, value in options.items())})"
        elif column.default and not self.is_serial:
            yield f"server_default={sql_text(column.default)}"
        elif self.is_key and column.type.python == "UUID":
            yield "default=uuid7"
        elif self.is_key and not self.is_serial:
            yield "autoincrement=False"
        if self.is_touched:
            yield "server_onupdate=FetchedValue()"

    def imports(self, file: str) -> list[Import]:
        """What one of the resource's files imports for it."""
        if file == "models":
            made = [name for name in MADE_BY_SQLALCHEMY if f"{name}(" in self.mapped]
            uuid = [("uuid_utils.compat", "uuid7")] * ("uuid7" in self.mapped)
            return [*origins(self.column), *uuid, *(("sqlalchemy", name) for name in made)]
        return [
            *annotation_imports(self.column),
            *input_of(self.column)[1],
            *value_of(self.column)[1],
            *[PATH_KEY] * self._is_text_key,
        ]

    @property
    def filters(self) -> list[ListFilter]:
        """How lists may be filtered by it."""
        type_ = value_of(self.column)[0]
        found = ("",) if self.is_reference else operators(self.column, searched=self.is_searched)
        names = ("__".join(filter(None, (self.attribute, operator))) for operator in found)
        return [ListFilter(name, type_, "", "") for name in names]


def sql_text(sql: str) -> str:
    """An expression of SQL in the model."""
    return f"text({literal(bound(local(sql)))})"
