"""The resource of a table that is there, as the templates in `scaffold/` see it."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from manage.adoption.columns import ExistingColumn
from manage.adoption.inputs import is_sortable
from manage.adoption.rules import Attributes, Rules
from manage.inspection.fields import access_of, literal_default
from manage.inspection.tables import Column, Table
from manage.scaffolding.names import ResourceNames
from manage.scaffolding.resource import Resource
from manage.scaffolding.snippets import Import, import_lines, literal

MODEL: list[Import] = [("sqlalchemy.orm", "Mapped"), ("sqlalchemy.orm", "mapped_column")]
SCHEMAS: list[Import] = [("typing", "Literal"), ("uuid", "UUID")]


@dataclass(frozen=True)
class ExistingResource:
    """What `manage inspect --write` makes of a table."""

    table: Table
    names: ResourceNames
    attributes: Attributes
    sequences: Collection[str] = ()
    """The sequences that belong to no column."""

    @cached_property
    def columns(self) -> list[ExistingColumn]:
        """The columns in the table's order."""
        return [self._column(column) for column in self.table.columns]

    @property
    def key(self) -> ExistingColumn:
        """The column that a path ends in."""
        return next(column for column in self.columns if column.is_key)

    def context(self) -> dict[str, Any]:
        """What the templates may use."""
        return {
            **Resource(self.names).context(),
            **self._problems(),
            **self._key(),
            **self._columns(),
            **self._imports(),
        }

    def _column(self, column: Column) -> ExistingColumn:
        table, default = self.table, column.default or ""
        is_key = table.key is not None and column.name in table.key.columns
        is_plain_default = not default or literal_default(column) is not None
        searched = {
            *table.unique_columns(),
            *(one.columns for one in table.indexes if one.is_plain),
        }
        return ExistingColumn(
            column,
            self.attributes[table.name][column.name],
            access_of(column),
            is_key=is_key,
            is_serial="nextval(" in default
            and column.type.expression in ("Integer", "BigInteger")
            and not any(name in default for name in self.sequences),
            is_touched=self._has_update_trigger and not (is_plain_default or is_key),
            is_searched=(column.name,) in searched,
            is_reference=bool(table.references(column.name)),
        )

    @property
    def _has_update_trigger(self) -> bool:
        triggers = (one for one in self.table.features if one.kind == "trigger")
        return any("UPDATE" in trigger.definition for trigger in triggers)

    def _problems(self) -> dict[str, str]:
        return {
            "bases": "Keyed",
            "traits": "Keyed",
            "errors": "ConflictError, NotFoundError",
            "create_problems": ", responses=problems(ConflictError)",
            "change_errors": "NotFoundError, ConflictError",
            "delete_errors": "NotFoundError, ConflictError",
        }

    def _key(self) -> dict[str, Any]:
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
            "given": "exclude_unset=True",
        }

    def _columns(self) -> dict[str, Any]:
        sent = [column for column in self.columns if column.is_given]
        read = [one for one in self.columns if one.access != "none" and not one.is_key]
        return {
            "table": literal(self.table.name),
            "table_args": Rules(self.table, self.attributes).lines,
            "mapped": self.columns,
            "columns": read,
            "sent": sent,
            "changeable": [column for column in sent if not column.is_key],
            "filters": [found for column in read for found in column.filters],
            "sorts": ["id", *(one.attribute for one in read if is_sortable(one.column))],
        }

    def _imports(self) -> dict[str, list[str]]:
        rules = Rules(self.table, self.attributes).imports
        model = [found for column in self.columns for found in column.imports("models")]
        in_api = [column for column in self.columns if column.access != "none"]
        schemas = [found for column in in_api for found in column.imports("schemas")]
        return {
            "models_imports": import_lines([*MODEL, *model, *rules]),
            "schemas_imports": import_lines([*SCHEMAS, *schemas]),
        }
