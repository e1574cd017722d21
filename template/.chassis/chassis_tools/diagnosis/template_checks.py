"""Checks of the project against its template."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis_tools.diagnosis.examination import Diagnosis, Finding
from chassis_tools.upgrading.files import (
    Owner,
    find_conflicts,
    group_by_owner,
    read_normalized,
)
from chassis_tools.upgrading.running import render
from chassis_tools.upgrading.template import ANSWERS_FILE, read_rendered_answers
from chassis_tools.upgrading.upgrade import Upgrade
from manage.errors import CommandError

FIXED_ANSWERS = {"concurrency", "layout", "migrations", "example"}
EDITED: dict[Owner, str] = {
    "managed": "use an extension point instead: these edits may conflict in an upgrade",
    "vendored": "move the edits elsewhere: an upgrade replaces these files",
    "shared": "no action needed: upgrades merge your edits",
}
DELETED: dict[Owner, str] = {
    "managed": "no action needed; if you need them, restore them from git: upgrades do not",
    "vendored": "restore them from git, or with the next upgrade",
    "shared": "no action needed; if you need them, restore them from git: upgrades do not",
}


@dataclass(frozen=True)
class Drift:
    """The rendered files that the project has edited or deleted."""

    edited: list[str]
    deleted: list[str]


def check_conflicts(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find unresolved conflicts, and an upgrade that is not committed."""
    for conflict in find_conflicts(diagnosis.repository):
        yield Finding("error", f"{conflict.path} has an unresolved conflict", conflict.remedy)
    if Upgrade(diagnosis.repository).is_in_progress:
        yield Finding(
            "note",
            "An upgrade is in progress",
            "commit its result, or undo it with `manage upgrade --abort`",
        )


def check_answers(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find an invalid answers file and edited answers."""
    try:
        recorded = diagnosis.recorded.values
    except CommandError as error:
        problem, _, remedy = str(error).partition(": ")
        yield Finding("error", problem, remedy)
        return
    for name, rendered in read_rendered_answers(diagnosis.root).items():
        if format_answer(recorded.get(name)) != format_answer(rendered):
            yield report_answer(name, format_answer(rendered), format_answer(recorded.get(name)))


def report_answer(name: str, rendered: str, recorded: str) -> Finding:
    """Return the finding for an answer that differs from the rendered one."""
    problem = f"{ANSWERS_FILE} has {name}: {recorded}, but the project was rendered with {rendered}"
    if is_fixed(name, rendered):
        return Finding("error", problem, f"set it back to {rendered}: it cannot be changed")
    command = f"`manage upgrade --set '{name}={recorded}'`"
    return Finding("warning", problem, f"set it back to {rendered}, then change it with {command}")


def is_fixed(name: str, rendered: str) -> bool:
    """Return True if the answer cannot change; multi-tenancy can be turned on, not off."""
    return name in FIXED_ANSWERS or (name, rendered) == ("multi_tenancy", "true")


def format_answer(answer: Any) -> str:
    """Format an answer as in YAML."""
    return str(answer).lower() if isinstance(answer, bool) else str(answer)


def check_drift(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find edited and deleted files of the template, by owner."""
    drift = find_drift(render_project(diagnosis), diagnosis.root)
    edited, deleted = (
        group_by_owner(paths, diagnosis.root) for paths in (drift.edited, drift.deleted)
    )
    for owner, remedy in EDITED.items():
        if edited[owner]:
            yield Finding("note", f"Edited {owner} files: {', '.join(edited[owner])}", remedy)
        if deleted[owner]:
            yield Finding(
                "note", f"Deleted {owner} files: {', '.join(deleted[owner])}", DELETED[owner]
            )


def render_project(diagnosis: Diagnosis) -> Path:
    """Render the project's release with the answers of its last rendering."""
    recorded = diagnosis.recorded.as_rendered(diagnosis.root)
    return render(diagnosis.root, diagnosis.clone, recorded, diagnosis.scratch / "drift")


def find_drift(rendered: Path, root: Path) -> Drift:
    """Compare a project with a rendering of its release."""
    drift = Drift([], [])
    for path in sorted(path for path in rendered.rglob("*") if path.is_file()):
        name = path.relative_to(rendered).as_posix()
        if not (root / name).is_file():
            drift.deleted.append(name)
        elif name != ANSWERS_FILE and read_normalized(path) != read_normalized(root / name):
            drift.edited.append(name)
    return drift


def check_version(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find a newer release of the template."""
    newest = diagnosis.template.get_release(None)
    if newest.version > diagnosis.recorded.last_release:
        yield Finding(
            "note",
            f"The template is at {newest.tag}, this project at {diagnosis.recorded.version}",
            "upgrade with `manage upgrade`",
        )
