"""Requests with values of another tenant, each paired with a baseline that has unknown values."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Protocol

from tests.support.tenancy.examples import (
    ExampleGenerator,
    ReferenceLookup,
    is_valid_text,
)
from tests.support.tenancy.foreign_data import ForeignData, IdSelector
from tests.support.tenancy.openapi import Schema
from tests.support.tenancy.requests import Request

# The keys and indexes that lead to a value in a body.
Path = tuple[str | int, ...]
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Parameters that change how a request is authenticated; `build_header_probes` sends them.
AUTHENTICATION_HEADERS = {"x-tenant", "x-api-key", "authorization"}
PAGE_PARAMETERS = {"cursor", "limit", "offset"}


class RequestBuilder(Protocol):
    """Builds a valid request, with different values on each call."""

    def __call__(self, *, examples: ExampleGenerator | None = None) -> Request:
        """Build the request with values of another generator, if one is given."""


@dataclass(frozen=True)
class Probe:
    """A request with foreign values, and a baseline that must get the same response."""

    request: Request
    baseline: Request | None = None


class FixedTextGenerator(ExampleGenerator):
    """Uses the same text in every field that accepts it."""

    def __init__(self, prefix: str, text: str, email: str) -> None:
        super().__init__(prefix)
        self._texts = {"": text, "password": text, "email": email, "idn-email": email}

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
    for location in ("query", "header", "cookie"):
        for name, schema in operation.parameters[location].items():
            if name.lower() in PAGE_PARAMETERS | AUTHENTICATION_HEADERS:
                continue
            pairs = list(pair_values(name, schema, get_reference, foreign, select_ids))
            for value, unknown in pairs:
                yield Probe(
                    set_parameter(plain, location, name, value),
                    set_parameter(plain, location, name, unknown),
                )
            for value in () if pairs else list_filter_values(schema):
                yield Probe(set_parameter(plain, location, name, value))
    for position in foreign.cursors.get(str(operation), ()):
        yield Probe(replace(plain, query={**plain.query, **position}))
    yield Probe(
        set_parameter(plain, "query", "tenant_id", foreign.tenant_id),
        set_parameter(plain, "query", "tenant_id", foreign.unknown_id),
    )


def pair_values(
    name: str,
    schema: Schema,
    get_reference: ReferenceLookup,
    foreign: ForeignData,
    select_ids: IdSelector,
) -> Iterator[tuple[str, str]]:
    """Yield foreign values for a parameter, each with an unknown value."""
    kind = get_kind(schema.get("items", schema))
    if kind == "uuid":
        yield from ((row_id, foreign.unknown_id) for row_id in select_ids(get_reference(name)))
    elif kind == "integer" and name.endswith("id"):
        yield from ((str(number), str(foreign.unknown_number)) for number in foreign.numbers)
    elif kind == "string" and "enum" not in schema:
        yield from ((text, foreign.derive_unknown_text(text)) for text in foreign.texts)


def set_parameter(plain: Request, location: str, name: str, value: str) -> Request:
    """Return the request with a query parameter, header or cookie."""
    match location:
        case "query":
            return replace(plain, query={**plain.query, name: value})
        case "cookie":
            return replace(plain, headers={**plain.headers, "Cookie": f"{name}={value}"})
        case _:
            return replace(plain, headers={**plain.headers, name: value})


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
        case "date-time-local":
            return ("2000-01-01T00:00:00", "2100-01-01T00:00:00")
    return map(str, schema.get("enum", ("0", "1", "99")))


def build_body_probes(
    build: RequestBuilder, foreign: ForeignData, select_ids: IdSelector
) -> Iterator[Probe]:
    """Yield probes with the foreign tenant's id, references to its rows, and its texts."""
    body = build().body
    changes = [(path, row_id) for path, own_id in find_ids(body) for row_id in select_ids(own_id)]
    if isinstance(body, dict):
        changes.append((("tenant_id",), foreign.tenant_id))
    for path, row_id in changes:
        ids = (row_id, foreign.derive_unknown_id(row_id))
        request, baseline = (set_in_body(build(), path, value) for value in ids)
        yield Probe(request, baseline)
    for text in foreign.sample_texts:
        values = (foreign.canary, text, foreign.email)
        texts = (values, tuple(map(foreign.derive_unknown_text, values)))
        yield Probe(*(build(examples=FixedTextGenerator(*each)) for each in texts))


def find_ids(body: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the ids in a body with their paths; of a list, only those in the first item."""
    match body:
        case dict():
            for name, value in body.items():
                yield from find_ids(value, (*path, name))
        case [first, *_]:
            yield from find_ids(first, (*path, 0))
        case str() if ID.fullmatch(body):
            yield path, body


def set_in_body(plain: Request, path: Path, value: str) -> Request:
    """Return the request with another value in its body."""
    return replace(plain, body=set_value(plain.body, path, value))


def set_value(body: Any, path: Path, value: str) -> Any:
    """Return a copy of a JSON value in which the value at a path is replaced."""
    if not path:
        return value
    name, *rest = path
    if isinstance(body, dict):
        return {**body, name: set_value(body.get(name), tuple(rest), value)}
    if isinstance(body, list) and body:
        return [set_value(body[0], tuple(rest), value), *body[1:]]
    return body


def build_header_probes(
    build: RequestBuilder, slug: str, api_key: str, foreign: ForeignData
) -> list[Probe]:
    """Return probes that add the foreign tenant's id, slug and API key to the credentials."""
    plain = build()
    names = plain.operation.parameters["path"]
    added = {"X-Tenant": slug, "X-Tenant-ID": foreign.tenant_id, "X-API-Key": api_key}
    unknown = {name: foreign.derive_unknown_text(value) for name, value in added.items()}
    unknown["X-Tenant-ID"] = foreign.unknown_id
    baseline = replace(
        build(),
        path=dict.fromkeys(names, foreign.unknown_id),
        headers={**plain.headers, **unknown},
    )
    headers = {**plain.headers, **added}
    return [
        Probe(replace(plain, path=dict(zip(names, ids, strict=True)), headers=headers), baseline)
        for ids in product(*map(foreign.select_similar_ids, plain.path.values()))
    ]
