"""The OpenAPI document, made true to how this service answers errors."""

from typing import Any

from app.core.errors import UnauthorizedError
from app.core.problems import Problem, document_problem, problem_responses

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def document_problems(document: dict[str, Any]) -> None:
    """Replace FastAPI's own error shape, and add the errors that no route can avoid."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for path in document["paths"].values():
        for method in METHODS:
            if method in path:
                complete_responses(path[method])
    for replaced in ("HTTPValidationError", "ValidationError"):
        schemas.pop(replaced, None)
    schemas.update(problem_schemas())


def complete_responses(operation: dict[str, Any]) -> None:
    """Describe one operation's errors."""
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):
        responses["422"] = document_problem("Unprocessable Content")
    if operation.get("security"):
        for status, response in problem_responses(UnauthorizedError).items():
            responses.setdefault(str(status), response)
    responses.setdefault("default", document_problem("Any other error"))


def problem_schemas() -> dict[str, Any]:
    """The schema of a problem, and of what it is made of."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}
