"""Whether an upgrade waits for somebody."""

from collections.abc import Iterator

from manage.diagnosis.findings import Finding
from manage.diagnosis.subject import Subject
from manage.upgrading.conflicts import find_conflicts
from manage.upgrading.upgrade import Upgrade


def examine(subject: Subject) -> Iterator[Finding]:
    """Files that need a decision, and an upgrade that is not committed."""
    for conflict in find_conflicts(subject.repository):
        yield Finding("error", f"{conflict.path} has an unresolved conflict", conflict.remedy)
    if Upgrade(subject.repository).is_under_way:
        yield Finding(
            "note",
            "An upgrade is under way",
            "commit its result, or take it back by `manage upgrade --abort`",
        )
