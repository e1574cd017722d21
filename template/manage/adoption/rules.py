"""The keys, checks and indexes of a table that is there, with their own names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from manage.adoption.columns import sql_text
from manage.adoption.sql import bound, is_unknown, local, quoted
from manage.adoption.unmodelled import known_as
from manage.inspection.column_types import foreign
from manage.inspection.tables import ForeignKey, Index, Key, Table
from manage.scaffolding.snippets import Import, literal

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
