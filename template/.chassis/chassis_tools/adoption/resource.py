"""An existing table as a resource."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chassis_tools.adoption.baseline import (
    escape_colons,
    find_sequence,
    needs_quote,
    quote_name,
    strip_public,
)
from chassis_tools.adoption.columns import ExistingColumn, format_text
from chassis_tools.adoption.unmapped_tables import get_table_key
from chassis_tools.inspection.column_types import get_other_schema
from chassis_tools.inspection.fields import get_access, parse_default
from chassis_tools.inspection.tables import Column, ForeignKey, Index, Key, Table
from chassis_tools.scaffolding.literals import Import, format_imports, literal
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.resource import Resource
from chassis_tools.scaffolding.resource_parts import format_table_arguments

# Maps each table to its attribute names by column.
Attributes = Mapping[str, Mapping[str, str]]

CONSTRAINT_CLASSES = ("CheckConstraint", "ForeignKeyConstraint", "Index", "PrimaryKeyConstraint")
MODEL_IMPORTS: list[Import] = [("sqlalchemy.orm", "Mapped"), ("sqlalchemy.orm", "mapped_column")]
SCHEMAS_IMPORTS: list[Import] = [("typing", "Literal"), ("uuid", "UUID")]
SORTING = {"desc": "DESC", "nulls_first": "NULLS FIRST", "nulls_last": "NULLS LAST"}


@dataclass(frozen=True)
class TableArguments:
    """The `__table_args__` of a model."""

    table: Table
    attributes: Attributes

    @property
    def items(self) -> list[str]:
        """The items, as source code."""
        return [
            *self._format_keys(),
            *self._format_checks(),
            *(
                self._format_foreign_key(key)
                for key in self.table.foreign_keys
                if self.has_target(key)
            ),
            *(self._format_index(index) for index in self.table.indexes if index.valid),
            *self._format_options(),
        ]

    @property
    def imports(self) -> list[Import]:
        """The imports of the items."""
        source = "\n".join(self.items)
        names = [name for name in (*CONSTRAINT_CLASSES, "UniqueConstraint") if f"{name}(" in source]
        names += ["text"] if " text(" in source or "=text(" in source else []
        conv = [("sqlalchemy.sql.naming", "conv")] * ("conv(" in source)
        return [*(("sqlalchemy", name) for name in names), *conv]

    def has_target(self, key: ForeignKey) -> bool:
        """Return True if a model declares the columns that the foreign key refers to."""
        columns = self.attributes.get(key.table, {}) if key.schema == self.table.schema else {}
        return all(column in columns for column in key.target_columns)

    def _format_attribute(self, column: str) -> str:
        return literal(self.attributes[self.table.name][column])

    def _format_attributes(self, columns: tuple[str, ...]) -> str:
        return ", ".join(map(self._format_attribute, columns))

    def _format_keys(self) -> Iterator[str]:
        if key := self.table.key:
            columns = self._format_attributes(key.columns)
            yield f"PrimaryKeyConstraint({columns}, {format_name(key)})"
        for unique in self.table.uniques:
            is_distinct = "NULLS NOT DISTINCT" not in unique.definition
            option = "" if is_distinct else ", postgresql_nulls_not_distinct=True"
            columns = self._format_attributes(unique.columns)
            yield f"UniqueConstraint({columns}, {format_name(unique)}{option})"

    def _format_checks(self) -> Iterator[str]:
        for check in self.table.checks:
            condition = literal(escape_colons(strip_public(check.condition)))
            yield f"CheckConstraint({condition}, name=conv({literal(check.name)}))"

    def _format_options(self) -> Iterator[str]:
        schema, comment = get_other_schema(self.table.schema), self.table.comment
        options = {
            "quote": needs_quote(self.table.name),
            "quote_schema": needs_quote(self.table.schema),
            "comment": comment,
            "schema": schema,
        }
        items = [f"{literal(name)}: {literal(value)}" for name, value in options.items() if value]
        if items:
            yield f"{{{', '.join(items)}}}"

    def _format_foreign_key(self, key: ForeignKey) -> str:
        names = (self.attributes[key.table][column] for column in key.target_columns)
        table = get_table_key(key.schema, key.table)
        targets = ", ".join(literal(f"{table}.{name}") for name in names)
        options = {
            "name": key.name,
            "ondelete": key.on_delete,
            "onupdate": key.on_update,
            "deferrable": key.deferrable or None,
            "initially": key.initially,
            "match": key.match,
        }
        columns = self._format_attributes(key.columns)
        return f"ForeignKeyConstraint([{columns}], [{targets}], {format_options(options)})"

    def _format_index(self, index: Index) -> str:
        pairs = zip(index.columns, index.elements, strict=True)
        elements = ", ".join(
            self._format_element(index, column, element) for column, element in pairs
        )
        names = self.attributes[self.table.name]
        options = {
            "unique": index.unique or None,
            "postgresql_using": index.method if index.method != "btree" else None,
            "postgresql_include": [names[column] for column in index.include] or None,
            "postgresql_ops": {names.get(key, key): ops for key, ops in index.operators.items()}
            or None,
            "postgresql_with": dict(index.options) or None,
            "postgresql_nulls_not_distinct": index.nulls_not_distinct or None,
        }
        where = f", postgresql_where={format_text(index.where)}" if index.where else ""
        extra = f", {format_options(options)}" if any(options.values()) else ""
        return f"Index({literal(index.name)}, {elements}{extra}{where})"

    def _format_element(self, index: Index, column: str | None, element: str) -> str:
        sorting = " ".join(
            SORTING[word] for word in index.sorting.get(element, ()) if word in SORTING
        )
        if column and not sorting:
            return self._format_attribute(column)
        expression = quote_name(column) if column else element
        return format_text(f"{expression} {sorting}".strip())


@dataclass(frozen=True)
class ExistingResource:
    """A resource for an existing table."""

    table: Table
    names: ResourceNames
    attributes: Attributes
    sequences: Collection[str] = ()
    """Names of the sequences that no column owns."""

    @cached_property
    def columns(self) -> list[ExistingColumn]:
        """The columns in the table's order."""
        return [self._build_column(column) for column in self.table.columns]

    @property
    def key(self) -> ExistingColumn:
        """The column that identifies a row in URL paths."""
        return next(column for column in self.columns if column.is_key)

    def build_context(self) -> dict[str, Any]:
        """Return the variables of the templates."""
        return {
            **Resource(self.names).build_context(),
            **self._build_error_variables(),
            **self._build_key_variables(),
            **self._build_column_variables(),
            **self._build_import_variables(),
        }

    def _build_column(self, column: Column) -> ExistingColumn:
        table, default = self.table, column.default or ""
        is_key = table.key is not None and column.name in table.key.columns
        is_plain_default = not default or parse_default(column) is not None
        indexes = [
            *table.get_unique_columns(),
            *(index.columns for index in table.indexes if index.is_plain),
        ]
        return ExistingColumn(
            column,
            self.attributes[table.name][column.name],
            get_access(column),
            is_key=is_key,
            is_serial=column.type.expression in ("Integer", "BigInteger")
            and find_sequence(column, self.sequences) is not None,
            is_set_on_update=self._has_update_trigger and not (is_plain_default or is_key),
            is_indexed=(column.name,) in indexes,
            leads_index=column.name in [columns[0] for columns in indexes],
            is_reference=bool(table.get_foreign_keys(column.name)),
        )

    @property
    def _has_update_trigger(self) -> bool:
        triggers = (item for item in self.table.features if item.kind == "trigger")
        return any("UPDATE" in trigger.definition for trigger in triggers)

    def _build_error_variables(self) -> dict[str, str]:
        return {
            "bases": "Entity",
            "mixins": "Entity",
            "errors": "ConflictError, NotFoundError",
            "create_problems": ", responses=problem_responses(ConflictError)",
            "change_errors": "NotFoundError, ConflictError",
            "delete_errors": "NotFoundError, ConflictError",
        }

    def _build_key_variables(self) -> dict[str, Any]:
        key = self.key
        is_text = key.column.type.python == "str"
        plain = key.column.type.python if key.column.type.python == "UUID" else key.input
        input_ = "str" if is_text else plain
        return {
            "key_type": key.column.type.python,
            "key_input": input_,
            "key_in_path": "{quote(created.id, safe='')}" if is_text else "{created.id}",
            "key_is_text": is_text,
            "path_schemas": f"{input_}, Page" if input_.startswith("Int") else "Page",
            "timestamps": False,
            "default_sort": "id",
            "order": "by ascending ID",
            "dump_args": "exclude_unset=True",
            # Existing texts may start or end with blanks: a client can send them back unchanged.
            "input_options": ", str_strip_whitespace=False",
        }

    def _build_column_variables(self) -> dict[str, Any]:
        sent = [column for column in self.columns if column.is_writable]
        read = [item for item in self.columns if item.access != "none" and not item.is_key]
        return {
            "table": literal(self.table.name),
            "table_args": format_table_arguments(TableArguments(self.table, self.attributes).items),
            "table_imports": [],
            "mapped": self.columns,
            "columns": read,
            "create_columns": sent,
            "update_columns": [column for column in sent if not column.is_key],
            "filters": [item for column in read for item in column.filters],
            "sorts": ["id", *(item.attribute for item in read if item.is_sortable)],
        }

    def _build_import_variables(self) -> dict[str, list[str]]:
        constraints = TableArguments(self.table, self.attributes).imports
        columns = [item for column in self.columns for item in column.get_imports_for("models")]
        in_api = [column for column in self.columns if column.access != "none"]
        schemas = [item for column in in_api for item in column.get_imports_for("schemas")]
        if any(
            "MISSING" in (column.create + column.patch) for column in in_api if column.is_writable
        ):
            schemas.append(("pydantic", "MISSING"))
        return {
            "models_imports": format_imports([*MODEL_IMPORTS, *columns, *constraints]),
            "schemas_imports": format_imports([*SCHEMAS_IMPORTS, *schemas]),
        }


def format_name(key: Key) -> str:
    """Format the option `name` of a constraint."""
    return f"name={literal(key.name)}"


def format_options(options: Mapping[str, object]) -> str:
    """Format the options that are not None."""
    present = ((name, value) for name, value in options.items() if value is not None)
    return ", ".join(f"{name}={literal(value)}" for name, value in present)
