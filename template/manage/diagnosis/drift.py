"""What of the template's files is not as the template wrote it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from manage.diagnosis.answers import rendered_answers
from manage.diagnosis.findings import Finding
from manage.diagnosis.subject import Subject
from manage.upgrading.answers import FILE
from manage.upgrading.ownership import Owner, by_owner
from manage.upgrading.retired import content
from manage.upgrading.running import render

BELONGS: dict[Owner, str] = {"ours": "the template's", "extended": "yours to extend"}
EDITED: dict[Owner, str] = {
    "ours": "prefer an extension point: what is edited here may conflict at an update",
    "extended": "nothing: updates merge into these files",
}
DELETED = "nothing, if you do not want them: no update brings them back"


@dataclass(frozen=True)
class Drift:
    """The files that the template wrote and that are not the same any more."""

    edited: list[str]
    deleted: list[str]


def examine(subject: Subject) -> Iterator[Finding]:
    """Edited and deleted files, by whom they belong to."""
    drift = compare(rendered(subject), subject.root)
    edited, deleted = (by_owner(paths, subject.root) for paths in (drift.edited, drift.deleted))
    for owner, belongs in BELONGS.items():
        if edited[owner]:
            yield Finding("note", f"Edited, {belongs}: {', '.join(edited[owner])}", EDITED[owner])
        if deleted[owner]:
            yield Finding("note", f"Deleted, {belongs}: {', '.join(deleted[owner])}", DELETED)


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
