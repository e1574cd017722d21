"""All checks, none of which can end the others."""

import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from manage.diagnosis.findings import Finding
from manage.diagnosis.subject import Subject
from manage.errors import CommandError, reason

# Modules of this package, in the order in which they report.
CHECKS = ("conflicts", "answers", "registrations", "migrations", "settings", "drift", "version")


def examine(root: Path) -> dict[str, list[Finding]]:
    """What every check finds in a project."""
    with tempfile.TemporaryDirectory() as folder:
        subject = Subject(root, Path(folder))
        return {check: findings(check, subject) for check in CHECKS}


def findings(check: str, subject: Subject) -> list[Finding]:
    """What a check finds; some import the project's own modules, which may be broken."""
    found: list[Finding] = []
    try:
        examined: Iterator[Finding] = import_module(f"manage.diagnosis.{check}").examine(subject)
        found.extend(examined)
    except CommandError as error:
        found.append(unchecked(str(error)))
    except (Exception, SystemExit) as error:
        found.append(unchecked(f"{type(error).__name__}: {reason(error)}"))
    return found


def unchecked(why: str) -> Finding:
    """What stands for the findings of a check that could not run."""
    return Finding("note", f"Not checked: {why}", "see to that and run `manage doctor` again")
