"""The data of another tenant that the leak tests send and search for."""

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4, uuid5

from tests.support.tenancy.examples import INTEGER_RANGE

Tables = Mapping[str, list[dict[str, Any]]]
# Returns the foreign ids to send in place of an id of the sender's tenant.
IdSelector = Callable[[str], list[str]]


class ForeignData:
    """The other tenant's ids, texts and cursors, and unknown values of the same form."""

    def __init__(
        self,
        tenant_id: UUID,
        canary: str,
        tables: Tables,
        own_tables: Tables,
        cursors: Mapping[str, Any],
    ) -> None:
        self.canary = canary
        self.tenant_id = str(tenant_id)
        self.cursors = cursors
        self.unknown_id = str(uuid4())
        self.unknown_prefix = make_unknown_prefix()
        filled = {name: rows for name, rows in tables.items() if rows}
        self.ids = collect_ids(row for rows in filled.values() for row in rows)
        samples = [merge_rows(rows) for rows in filled.values()]
        self.sample_ids = collect_ids(samples)
        self.numbers = [value for row in samples for value in row.values() if type(value) is int]
        id_by_table = {name: str(rows[0]["id"]) for name, rows in filled.items()}
        self.table_ids = list(id_by_table.values())
        self._same_table_ids = {
            str(row["id"]): [id_by_table[name]]
            for name, rows in own_tables.items()
            for row in rows
            if name in id_by_table
        }
        self.email = str(tables["users"][0]["email"])
        texts = [find_first_text(rows, canary) for rows in tables.values()]
        token = f"{tenant_id.hex}.{'x' * 43}"
        self.texts = [*dict.fromkeys([self.email, *filter(None, texts)]), token]

    def renew_unknown_values(self) -> "ForeignData":
        """Return the same data with other unknown values."""
        renewed = copy(self)
        renewed.unknown_id = str(uuid4())
        renewed.unknown_prefix = make_unknown_prefix()
        return renewed

    def select_sample_ids(self, _own_id: str) -> list[str]:
        """Return an id from each column of each table."""
        return self.sample_ids

    def select_similar_ids(self, own_id: str) -> list[str]:
        """Return an id from the table of `own_id`, or one from each table if it is unknown."""
        return self._same_table_ids.get(own_id, self.table_ids)

    @property
    def unknown_number(self) -> int:
        """A number that no row has."""
        return max(self.numbers, default=0) + INTEGER_RANGE

    @property
    def sample_texts(self) -> list[str]:
        """An email, a name and a token."""
        return [self.email, self.texts[1], self.texts[-1]]

    @property
    def secrets(self) -> list[str]:
        """The values that no response may contain."""
        return [self.canary, *self.ids, *(row_id.replace("-", "") for row_id in self.ids)]

    def derive_unknown_id(self, row_id: str) -> str:
        """Return an unknown id for `row_id`, always the same, so that unique constraints apply."""
        return str(uuid5(UUID(self.unknown_id), row_id))

    def derive_unknown_text(self, text: str) -> str:
        """Return an unknown text of the same form and length."""
        unknown = text.replace(self.canary, self.unknown_prefix)
        return unknown.replace(UUID(self.tenant_id).hex, UUID(self.unknown_id).hex)


def make_unknown_prefix() -> str:
    """Return a prefix that no row has, as long as a canary."""
    return f"absent{token_hex(4)}"


def merge_rows(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return each column's first value other than NULL."""
    return {
        column: next((row[column] for row in rows if row[column] is not None), None)
        for column in rows[0]
    }


def collect_ids(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all ids in some rows, primary and foreign keys."""
    ids = {value for row in rows for value in row.values() if isinstance(value, UUID)}
    return sorted(map(str, ids))


def find_first_text(rows: list[dict[str, Any]], prefix: str) -> str | None:
    """Return the first text that starts with a prefix."""
    texts = (value for row in rows for value in row.values() if isinstance(value, str))
    return next((text for text in texts if text.startswith(prefix)), None)
