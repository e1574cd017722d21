"""Whether the recorded answers are those that the project was rendered with."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manage.diagnosis.findings import Finding
from manage.diagnosis.subject import Subject
from manage.errors import CommandError
from manage.upgrading.answers import FILE

RENDERED = "manage/answers.json"
SETTLED = {"concurrency", "layout", "migrations", "example"}


def examine(subject: Subject) -> Iterator[Finding]:
    """A file that cannot be read, and answers that were edited in it."""
    try:
        recorded = subject.recorded.given
    except CommandError as error:
        problem, _, remedy = str(error).partition(": ")
        yield Finding("error", problem, remedy)
        return
    for name, rendered in rendered_answers(subject.root).items():
        if spelled(recorded.get(name)) != spelled(rendered):
            yield edited(name, spelled(rendered), spelled(recorded.get(name)))


def rendered_answers(root: Path) -> dict[str, Any]:
    """The answers at the last rendering."""
    try:
        answers: dict[str, Any] = json.loads((root / RENDERED).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{RENDERED} cannot be read: bring it back from git") from error
    return answers


def edited(name: str, rendered: str, recorded: str) -> Finding:
    """What to do about an answer that is not what the files follow."""
    problem = f"{FILE} says {name}: {recorded}, but the project was rendered with {rendered}"
    if is_settled(name, rendered):
        return Finding("error", problem, f"put it back to {rendered}: it cannot be changed")
    change = f"change it by `manage upgrade --set '{name}={recorded}'`"
    return Finding("warning", problem, f"put it back to {rendered}, then {change}")


def is_settled(name: str, rendered: str) -> bool:
    """Whether the answer stays; tenants can be turned on, not off."""
    return name in SETTLED or (name, rendered) == ("multi_tenancy", "true")


def spelled(answer: Any) -> str:
    """An answer as people write it."""
    return str(answer).lower() if isinstance(answer, bool) else str(answer)
