"""The check of environment variables and `.env`, for this environment and for production."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.core.config import describe_source_error
from app.core.foreign_settings import find_foreign_settings
from app.settings import Settings

from chassis_tools.diagnosis.examination import Diagnosis, Finding


def check_settings(_diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find settings that this environment rejects, and those that production would reject."""
    current = find_problems()
    for problem, remedy in current:
        yield Finding("error", problem, remedy)
    if not current:
        for name, replacement in find_foreign_settings(Settings()):
            yield Finding("warning", f"{name} is ignored", f"use {replacement}")
    for problem, remedy in find_problems(environment="production"):
        if (problem, remedy) not in current:
            yield Finding("note", f"Production would reject this: {problem}", remedy)


def find_problems(**values: Any) -> list[tuple[str, str]]:
    """Return each invalid setting's problem and remedy, without the setting's value."""
    problems: list[str] = []

    class ExaminedSettings(Settings):
        def find_insecure_settings(self) -> list[str]:
            problems.extend(super().find_insecure_settings())
            return []

    try:
        ExaminedSettings(**values)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False, include_input=False):
            name = "_".join(str(part) for part in item["loc"]).upper()
            message = item["msg"].removeprefix("Value error, ")
            problems.append(f"{name} {message}".strip())
    except (SettingsError, UnicodeError, OSError) as error:
        problems.append(describe_source_error(error))
    return [split_problem(problem) for problem in problems]


def split_problem(text: str) -> tuple[str, str]:
    """Split a message at its colon into problem and remedy."""
    problem, _, remedy = text.partition(": ")
    return problem, remedy or "correct it in the environment or in .env"
