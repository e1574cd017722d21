"""What of the template's files is not as the template wrote it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from manage.diagnosis.answers import rendered_answers
from manage.diagnosis.findings import Finding
from manage.diagnosis.subject import Subject
from manage.errors import CommandError
from manage.upgrading.answers import FILE
from manage.upgrading.ownership import Owner, by_owner
from manage.upgrading.running import COPIER, complaint, uv

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
    edited, deleted = by_owner(drift.edited), by_owner(drift.deleted)
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


def content(path: Path) -> bytes:
    """A file, whichever line ends git gave it."""
    return path.read_bytes().replace(b"\r\n", b"\n")


def rendered(subject: Subject) -> Path:
    """The project as its release writes it."""
    answers = subject.recorded.given | rendered_answers(subject.root)
    data, written = subject.scratch / "answers.json", subject.scratch / "project"
    data.write_text(json.dumps(answers), encoding="utf-8")  # YAML, too.
    version = subject.recorded.version
    options = ("--defaults", "--quiet", "--vcs-ref", version, "--data-file", str(data))
    done = uv(subject.root, *COPIER, "copy", *options, str(subject.clone), str(written))
    if done.returncode:
        raise CommandError(f"{version} cannot be rendered: {complaint(done.stderr)}")
    return written
