"""What the current variables and `.env` would do to the service, here and in production."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from app.settings import Settings

from chassis_tools.diagnosis.examination import Finding, Subject


def examine(_subject: Subject) -> Iterator[Finding]:
    """What this environment refuses, and what production would."""
    refused = refusals()
    for problem, remedy in refused:
        yield Finding("error", problem, remedy)
    for problem, remedy in refusals(environment="production"):
        if (problem, remedy) not in refused:
            yield Finding("note", f"Production would refuse: {problem}", remedy)


def refusals(**given: Any) -> list[tuple[str, str]]:
    """Each problem with its remedy; values are never shown."""
    problems: list[str] = []

    class Examined(Settings):
        def find_insecure_settings(self) -> list[str]:
            problems.extend(super().find_insecure_settings())
            return []

    try:
        Examined(**given)
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_context=False, include_input=False):
            name = "_".join(str(part) for part in wrong["loc"]).upper()
            message = wrong["msg"].removeprefix("Value error, ")
            problems.append(f"{name} {message}".strip())
    return [split(problem) for problem in problems]


def split(problem: str) -> tuple[str, str]:
    """A sentence and what it says to do."""
    what, _, remedy = problem.partition(": ")
    return what, remedy or "correct it in the environment or in .env"
