"""Checks of the project against its template."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chassis_tools.diagnosis.examination import Finding, Subject
from chassis_tools.upgrading.files import Owner, by_owner, content, find_conflicts
from chassis_tools.upgrading.running import render
from chassis_tools.upgrading.template import FILE
from chassis_tools.upgrading.upgrade import Upgrade
from manage.errors import CommandError


def examine_conflicts(subject: Subject) -> Iterator[Finding]:
    """Files that need a decision, and an upgrade that is not committed."""
    for conflict in find_conflicts(subject.repository):
        yield Finding("error", f"{conflict.path} has an unresolved conflict", conflict.remedy)
    if Upgrade(subject.repository).is_under_way:
        yield Finding(
            "note",
            "An upgrade is under way",
            "commit its result, or take it back by `manage upgrade --abort`",
        )


RENDERED = ".chassis/answers.json"
SETTLED = {"concurrency", "layout", "migrations", "example"}


def examine_answers(subject: Subject) -> Iterator[Finding]:
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


EDITED: dict[Owner, str] = {
    "managed": "prefer an extension point: what is edited here may conflict at an update",
    "vendored": "move the edit elsewhere: an upgrade replaces these files",
    "shared": "nothing: updates merge into these files",
}
DELETED = "nothing, if you do not want them: no update brings them back"


@dataclass(frozen=True)
class Drift:
    """The files that the template wrote and that are not the same any more."""

    edited: list[str]
    deleted: list[str]


def examine_drift(subject: Subject) -> Iterator[Finding]:
    """Edited and deleted files, by whom they belong to."""
    drift = compare(rendered(subject), subject.root)
    edited, deleted = (by_owner(paths, subject.root) for paths in (drift.edited, drift.deleted))
    for owner, remedy in EDITED.items():
        if edited[owner]:
            yield Finding("note", f"Edited, {owner}: {', '.join(edited[owner])}", remedy)
        if deleted[owner]:
            yield Finding("note", f"Deleted, {owner}: {', '.join(deleted[owner])}", DELETED)


def compare(written: Path, root: Path) -> Drift:
    """The files of a rendering that a project has otherwise, or not at all."""
    drift = Drift([], [])
    for path in sorted(path for path in written.rglob("*") if path.is_file()):
        name = path.relative_to(written).as_posix()
        if not (root / name).is_file():
            drift.deleted.append(name)
        elif name != FILE and content(path) != content(root / name):
            drift.edited.append(name)
    return drift


def rendered(subject: Subject) -> Path:
    """The project as its release writes it."""
    given = subject.recorded.given | rendered_answers(subject.root)
    recorded = replace(subject.recorded, given=given)
    return render(subject.root, subject.clone, recorded, subject.scratch)


def examine_version(subject: Subject) -> Iterator[Finding]:
    """The newest release, if the project is behind it."""
    newest = subject.template.release(None)
    if newest.version > subject.recorded.last_release:
        yield Finding(
            "note",
            f"The template is at {newest.tag}, this project at {subject.recorded.version}",
            "bring it in by `manage upgrade`",
        )
