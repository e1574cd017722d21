"""An existing table as a resource."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chassis_tools.adoption.baseline import bound, is_unknown, local, quoted
from chassis_tools.adoption.columns import ExistingColumn, is_sortable, sql_text
from chassis_tools.adoption.unmodelled import known_as
from chassis_tools.inspection.column_types import foreign
from chassis_tools.inspection.fields import access_of, literal_default
from chassis_tools.inspection.tables import Column, ForeignKey, Index, Key, Table
from chassis_tools.scaffolding.literals import Import, format_imports, literal
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.resource import Resource

# By table, what each of its columns is called in its model.
Attributes = Mapping[str, Mapping[str, str]]
CLASSES = ("CheckConstraint", "ForeignKeyConstraint", "Index", "PrimaryKeyConstraint")
SORTING = {"desc": "DESC", "nulls_first": "NULLS FIRST", "nulls_last": "NULLS LAST"}


@dataclass(frozen=True)
class Rules:
    """What a model says of its table beside the columns."""

    table: Table
    attributes: Attributes

    @property
    def lines(self) -> list[str]:
        """The items of `__table_args__`."""
        return [
            *self._keys(),
            *self._checks(),
            *(self._foreign_key(key) for key in self.table.foreign_keys if self.knows(key)),
            *(self._index(index) for index in self.table.indexes if index.valid),
            *self._options(),
        ]

    @property
    def imports(self) -> list[Import]:
        """What the model's module imports for them."""
        told = "\n".join(self.lines)
        names = [name for name in (*CLASSES, "UniqueConstraint") if f"{name}(" in told]
        names += ["text"] if " text(" in told or "=text(" in told else []
        conv = [("sqlalchemy.sql.naming", "conv")] * ("conv(" in told)
        return [*(("sqlalchemy", name) for name in names), *conv]

    def knows(self, key: ForeignKey) -> bool:
        """Whether the models know what it refers to."""
        known = self.attributes.get(key.table, {}) if key.schema == self.table.schema else {}
        return all(column in known for column in key.target_columns)

    def _attribute(self, column: str) -> str:
        return literal(self.attributes[self.table.name][column])

    def _listed(self, columns: tuple[str, ...]) -> str:
        return ", ".join(map(self._attribute, columns))

    def _keys(self) -> Iterator[str]:
        if key := self.table.key:
            yield f"PrimaryKeyConstraint({self._listed(key.columns)}, {named(key)})"
        for unique in self.table.uniques:
            options = ", postgresql_nulls_not_distinct=True"
            told = options if "NULLS NOT DISTINCT" in unique.definition else ""
            columns = self._listed(unique.columns)
            yield f"UniqueConstraint({columns}, {named(unique)}{told})"

    def _checks(self) -> Iterator[str]:
        for check in self.table.checks:
            condition = literal(bound(local(check.condition)))
            yield f"CheckConstraint({condition}, name=conv({literal(check.name)}))"

    def _options(self) -> Iterator[str]:
        schema, comment = foreign(self.table.schema), self.table.comment
        options = {
            "quote": is_unknown(self.table.name),
            "quote_schema": is_unknown(self.table.schema),
            "comment": comment,
            "schema": schema,
        }
        told = [f"{literal(name)}: {literal(value)}" for name, value in options.items() if value]
        if told:
            yield f"{{{', '.join(told)}}}"

    def _foreign_key(self, key: ForeignKey) -> str:
        targets = (self.attributes[key.table][column] for column in key.target_columns)
        place = known_as(key.schema, key.table)
        told = ", ".join(literal(f"{place}.{target}") for target in targets)
        options = {
            "name": key.name,
            "ondelete": key.on_delete,
            "onupdate": key.on_update,
            "deferrable": key.deferrable or None,
            "initially": key.initially,
            "match": key.match,
        }
        return f"ForeignKeyConstraint([{self._listed(key.columns)}], [{told}], {given(options)})"

    def _index(self, index: Index) -> str:
        places = zip(index.columns, index.elements, strict=True)
        elements = ", ".join(self._element(index, *place) for place in places)
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
        where = f", postgresql_where={sql_text(index.where)}" if index.where else ""
        told = f", {given(options)}" if any(options.values()) else ""
        return f"Index({literal(index.name)}, {elements}{told}{where})"

    def _element(self, index: Index, column: str | None, element: str) -> str:
        sorting = " ".join(
            SORTING[word] for word in index.sorting.get(element, ()) if word in SORTING
        )
        if column and not sorting:
            return self._attribute(column)
        told = quoted(column) if column else element
        return sql_text(f"{told} {sorting}".strip())


def named(key: Key) -> str:
    """The name as an option."""
    return f"name={literal(key.name)}"


def given(options: Mapping[str, object]) -> str:
    """The options that have a value."""
    told = ((name, value) for name, value in options.items() if value is not None)
    return ", ".join(f"{name}={literal(value)}" for name, value in told)


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
            "bases": "Entity",
            "traits": "Entity",
            "errors": "ConflictError, NotFoundError",
            "create_problems": ", responses=problem_responses(ConflictError)",
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
            "models_imports": format_imports([*MODEL, *model, *rules]),
            "schemas_imports": format_imports([*SCHEMAS, *schemas]),
        }
