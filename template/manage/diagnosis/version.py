"""Whether the template has a newer release."""

from collections.abc import Iterator

from manage.diagnosis.findings import Finding
from manage.diagnosis.subject import Subject


def examine(subject: Subject) -> Iterator[Finding]:
    """The newest release, if the project is behind it."""
    newest = subject.template.release(None)
    if newest.version > subject.recorded.last_release:
        yield Finding(
            "note",
            f"The template is at {newest.tag}, this project at {subject.recorded.version}",
            "bring it in by `manage upgrade`",
        )
