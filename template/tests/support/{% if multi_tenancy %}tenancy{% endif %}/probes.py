"""Requests with values of another tenant, each paired with a baseline that has unknown values."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any
from uuid import UUID, uuid4, uuid5

from tests.support.tenancy.examples import (
    INTEGER_RANGE,
    ExampleGenerator,
    ReferenceLookup,
    find_references,
    is_valid_text,
)
from tests.support.tenancy.filled_tenant import Request
from tests.support.tenancy.openapi import Schema

# Builds a valid request, with different values on each call.
RequestBuilder = Callable[[], Request]
Tables = Mapping[str, list[dict[str, Any]]]
# Returns the foreign ids to send in place of an id of the sender's tenant.
IdSelector = Callable[[str], list[str]]


@dataclass(frozen=True)
class Probe:
    """A request with foreign values, and a baseline that must get the same response."""

    request: Request
    baseline: Request | None = None


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
        unknown = text.replace(self.canary, f"absent{self.canary}"[: len(self.canary)])
        return unknown.replace(UUID(self.tenant_id).hex, UUID(self.unknown_id).hex)


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


class FixedTextGenerator(ExampleGenerator):
    """Uses the same text in every field that accepts it."""

    def __init__(self, prefix: str, text: str, email: str) -> None:
        super().__init__(prefix)
        self._texts = {"": text, "password": text, "email": email}

    def generate_text(self, schema: Schema) -> str | None:
        text = self._texts.get(schema.get("format", ""))
        if text is None or not is_valid_text(schema, text):
            return super().generate_text(schema)
        return text


def build_path_probes(
    build: RequestBuilder, foreign: ForeignData, select_ids: IdSelector
) -> Iterator[Probe]:
    """Yield probes with foreign ids, texts or numbers in each path parameter."""
    plain = build()
    for name, schema in plain.operation.parameters["path"].items():
        match get_kind(schema):
            case "uuid":
                values = [(row_id, foreign.unknown_id) for row_id in select_ids(plain.path[name])]
            case "integer":
                unknown_number = str(foreign.unknown_number)
                values = [(str(number), unknown_number) for number in foreign.numbers]
            case _:
                values = [(text, foreign.derive_unknown_text(text)) for text in foreign.texts]
        for value, unknown in values:
            baseline = build() if plain.operation.creates else plain
            yield Probe(
                replace(plain, path={**plain.path, name: value}),
                replace(baseline, path={**plain.path, name: unknown}),
            )


def build_query_probes(
    build: RequestBuilder,
    get_reference: ReferenceLookup,
    foreign: ForeignData,
    select_ids: IdSelector,
) -> Iterator[Probe]:
    """Yield probes with foreign ids, texts and cursors as filters, and every enumerated value."""
    plain = build()
    operation = plain.operation
    if operation.is_safe:
        yield Probe(plain, plain)
    else:  # An unknown row, because the operation may work only once on an existing row.
        plain = replace(plain, path=dict.fromkeys(plain.path, foreign.unknown_id))
    for name, schema in operation.parameters["query"].items():
        kind = get_kind(schema.get("items", schema))
        if "enum" not in schema and kind in ("uuid", "string") and name != "cursor":
            is_id = kind == "uuid"
            for value in select_ids(get_reference(name)) if is_id else foreign.texts:
                unknown = foreign.unknown_id if is_id else foreign.derive_unknown_text(value)
                yield Probe(
                    replace(plain, query={name: value}), replace(plain, query={name: unknown})
                )
        elif name not in ("cursor", "limit", "offset"):
            for value in list_filter_values(schema):
                yield Probe(replace(plain, query={name: value}))
    for position in foreign.cursors.get(str(operation), ()):
        yield Probe(replace(plain, query=position))
    yield Probe(
        replace(plain, query={"tenant_id": foreign.tenant_id}),
        replace(plain, query={"tenant_id": foreign.unknown_id}),
    )


def get_kind(schema: Schema) -> str:
    """Return the format of a schema, or its type if it has no format."""
    kind: str = schema.get("format", schema.get("type", ""))
    return kind


def list_filter_values(schema: Schema) -> Iterable[str]:
    """Return values for a filter that belong to no tenant."""
    match get_kind(schema):
        case "boolean":
            return ("true", "false")
        case "date":
            return ("2000-01-01", "2100-01-01")
        case "date-time":
            return ("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
    return map(str, schema.get("enum", ("0", "1", "99")))


def build_body_probes(
    build: RequestBuilder,
    get_reference: ReferenceLookup,
    foreign: ForeignData,
    select_ids: IdSelector,
) -> Iterator[Probe]:
    """Yield probes with the foreign tenant's id, references to its rows, and its texts."""
    schema, body = build().operation.body, build().body
    if schema is None or not isinstance(body, dict):
        return
    changes = [("tenant_id", foreign.tenant_id)]
    for name in find_references(schema) & body.keys():
        changes += [(name, row_id) for row_id in select_ids(get_reference(name))]
    for name, row_id in changes:
        ids = (row_id, foreign.derive_unknown_id(row_id))
        request, baseline = (set_reference(build(), name, value) for value in ids)
        yield Probe(request, baseline)
    for text in foreign.sample_texts:
        values = (foreign.canary, text, foreign.email)
        requests = []
        for texts in (values, tuple(map(foreign.derive_unknown_text, values))):
            plain = build()
            generated = FixedTextGenerator(*texts).generate(schema, get_reference)
            requests.append(replace(plain, body=plain.body | generated))
        yield Probe(*requests)


def set_reference(plain: Request, name: str, row_id: str) -> Request:
    """Return the request with a field that refers to a row; a list field gets a list of one."""
    is_list = isinstance(plain.body.get(name), list)
    return replace(plain, body={**plain.body, name: [row_id] if is_list else row_id})


def build_header_probes(
    build: RequestBuilder, foreign: ForeignData, slug: str, api_key: str
) -> Iterator[Probe]:
    """Yield probes that add the foreign tenant's slug and API key to the sender's credentials."""
    plain = build()
    names = plain.operation.parameters["path"]
    headers = {"X-Tenant": slug, "X-API-Key": api_key}
    unknown = {name: foreign.derive_unknown_text(value) for name, value in headers.items()}
    baseline = replace(build(), path=dict.fromkeys(names, foreign.unknown_id), headers=unknown)
    for ids in product(*map(foreign.select_similar_ids, plain.path.values())):
        path = dict(zip(names, ids, strict=True))
        yield Probe(replace(plain, path=path, headers=headers), baseline)
