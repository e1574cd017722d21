"""The checks of `manage doctor` and their findings."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Literal

from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.template import Answers, Template
from manage.errors import CommandError, summarize_error

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing, and what to do about it."""

    severity: Severity
    problem: str
    remedy: str


@dataclass(frozen=True)
class Subject:
    """A project, a folder for what is made to examine it, and what several checks ask for."""

    root: Path
    scratch: Path

    @property
    def repository(self) -> Repository:
        """The project's history."""
        return Repository(self.root)

    @cached_property
    def recorded(self) -> Answers:
        """What Copier has recorded."""
        return Answers.read(self.root)

    @cached_property
    def clone(self) -> Path:
        """The template, fetched once; by the suffix Copier knows it as a repository."""
        folder = self.scratch / "template.git"
        Template.clone(self.recorded.source, folder)
        return folder

    @property
    def template(self) -> Template:
        """What its clone says of its releases."""
        return Template(Repository(self.clone))


SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
Findings = dict[str, list[Finding]]


def format_json(found: Findings) -> str:
    """A list with an object for each finding."""
    told = [{"check": check, **asdict(one)} for check, many in found.items() for one in many]
    return json.dumps(told, indent=2)


def format_text(found: Findings) -> str:
    """A paragraph for each check that found something, and the sum."""
    parts = ["\n".join(paragraph(check, many)) for check, many in found.items() if many]
    return "\n\n".join([*parts, summary(found)])


def paragraph(check: str, findings: list[Finding]) -> Iterator[str]:
    """The check, and its findings with their remedies."""
    yield f"{check}:"
    for finding in findings:
        yield f"  {finding.severity}: {finding.problem}"
        yield f"    -> {finding.remedy}"


def summary(found: Findings) -> str:
    """How many there are of each kind."""
    counts = Counter(finding.severity for many in found.values() for finding in many)
    told = [counted(counts[severity], severity) for severity in SEVERITIES if counts[severity]]
    if counts["error"] or counts["warning"]:
        return ", ".join(told)
    return ", ".join(["No problems found", *told]) + ("" if told else ".")


def counted(count: int, severity: Severity) -> str:
    """A number with its noun."""
    return f"{count} {severity}" + ("" if count == 1 else "s")


# The function of each check, in the order in which they report. Imported one by one, because some
# import the project's own modules, which may be broken.
CHECKS = {
    "conflicts": "template_checks:examine_conflicts",
    "answers": "template_checks:examine_answers",
    "registrations": "registrations:examine",
    "migrations": "migrations:examine",
    "settings": "settings:examine",
    "drift": "template_checks:examine_drift",
    "version": "template_checks:examine_version",
}


def examine(root: Path) -> dict[str, list[Finding]]:
    """What every check finds in a project."""
    with tempfile.TemporaryDirectory() as folder:
        subject = Subject(root, Path(folder))
        return {check: findings(check, subject) for check in CHECKS}


def findings(check: str, subject: Subject) -> list[Finding]:
    """Return what a check finds, up to an error that ends it."""
    found: list[Finding] = []
    module, _, function = CHECKS[check].partition(":")
    try:
        examine_subject = getattr(import_module(f"chassis_tools.diagnosis.{module}"), function)
        found.extend(examine_subject(subject))
    except CommandError as error:
        found.append(unchecked(str(error)))
    except (Exception, SystemExit) as error:
        found.append(unchecked(f"{type(error).__name__}: {summarize_error(error)}"))
    return found


def unchecked(why: str) -> Finding:
    """What stands for the findings of a check that could not run."""
    return Finding("note", f"Not checked: {why}", "see to that and run `manage doctor` again")
