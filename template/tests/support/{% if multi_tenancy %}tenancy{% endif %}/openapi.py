"""The operations of the OpenAPI document, with their parameters and bodies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.http.openapi import METHODS

Schema = Mapping[str, Any]

# Schemas that refer to themselves are cut off at this depth.
MAX_DEPTH = 8


@dataclass(frozen=True)
class Operation:
    """A method on a path."""

    method: str
    path: str
    parameters: Mapping[str, Mapping[str, Schema]]  # by location (`path`, `query` …), then by name
    media_type: str
    body: Schema | None
    is_secured: bool
    creates: bool
    required: frozenset[tuple[str, str]] = frozenset()  # the location and name of parameters

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_list(self) -> bool:
        """True if the operation reads a collection, judging by its path."""
        return self.method == "GET" and self.is_secured and not self.parameters["path"]

    @property
    def is_safe(self) -> bool:
        """True if the operation changes nothing, so that it can be repeated."""
        return self.method in ("GET", "HEAD")

    @property
    def has_options(self) -> bool:
        """True if the operation has parameters besides those of its path."""
        return any(self.parameters[location] for location in ("query", "header", "cookie"))

    def build_required_schema(self, location: str) -> Schema:
        """Return the required parameters in a location as an object schema."""
        parameters = self.parameters[location]
        names = [name for name in parameters if (location, name) in self.required]
        properties = {name: parameters[name] for name in names}
        return {"type": "object", "properties": properties, "required": names}

    def find_files(self) -> set[str]:
        """Return the names of the form fields that are files."""
        properties = (self.body or {}).get("properties", {})
        return {
            name
            for name, schema in properties.items()
            if "contentMediaType" in schema.get("items", schema)
        }

    def get_collection_path(self, parameter: str) -> str:
        """Return the path of the collection in which a path parameter identifies a row."""
        return self.path.partition("/{" + parameter + "}")[0]


def parse_operations(document: Mapping[str, Any]) -> list[Operation]:
    """Return all operations of the document, with references resolved."""
    schemas = document.get("components", {}).get("schemas", {})
    return [
        parse_operation(method, path, description, schemas)
        for path, item in document["paths"].items()
        for method, description in iterate_methods(item)
    ]


def iterate_methods(item: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the methods of a path item, each with the parameters of the path added."""
    for method in METHODS:
        if method in item:
            operation = item[method]
            parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
            yield method.upper(), {**operation, "parameters": parameters}


def parse_operation(
    method: str, path: str, description: Mapping[str, Any], schemas: Mapping[str, Schema]
) -> Operation:
    """Return an operation from its description in the document."""
    parameters: dict[str, dict[str, Schema]] = {"path": {}, "query": {}, "header": {}, "cookie": {}}
    for parameter in description["parameters"]:
        schema = resolve_schema(parameter.get("schema", {}), schemas)
        parameters[parameter["in"]][parameter["name"]] = schema
    required = [each for each in description["parameters"] if each.get("required")]
    content = description.get("requestBody", {}).get("content", {})
    media_type, media = next(iter(content.items()), ("", None))
    return Operation(
        method=method,
        path=path,
        parameters=parameters,
        media_type=media_type,
        body=resolve_schema(media["schema"], schemas) if media else None,
        is_secured=bool(description.get("security")),
        creates=method == "POST" and "201" in description["responses"],
        required=frozenset((each["in"], each["name"]) for each in required),
    )


def resolve_schema(schema: Schema, schemas: Mapping[str, Schema], depth: int = 0) -> dict[str, Any]:
    """Return a schema without references; of alternatives, keep the first that is not null."""
    if depth > MAX_DEPTH:
        return {}
    resolved = dict(schema)
    if reference := resolved.pop("$ref", None):
        target = schemas[reference.rpartition("/")[2]]
        return {**resolve_schema(target, schemas, depth + 1), **resolved}
    for part in resolved.pop("allOf", []):
        resolved = {**resolve_schema(part, schemas, depth + 1), **resolved}
    for keyword in ("anyOf", "oneOf"):
        options = [option for option in resolved.pop(keyword, []) if option.get("type") != "null"]
        if options:
            resolved = {**resolved, **resolve_schema(options[0], schemas, depth + 1)}
    if "properties" in resolved:
        resolved["properties"] = {
            name: resolve_schema(inner, schemas, depth + 1)
            for name, inner in resolved["properties"].items()
        }
    if "items" in resolved:
        resolved["items"] = resolve_schema(resolved["items"], schemas, depth + 1)
    return resolved
