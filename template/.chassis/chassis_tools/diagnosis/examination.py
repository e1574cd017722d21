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

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
# The function of each check, in the order of the report. Modules are imported when a check runs,
# because some import modules of the project, which may be broken.
CHECKS = {
    "conflicts": "template_checks:check_conflicts",
    "answers": "template_checks:check_answers",
    "registrations": "registrations:check_registrations",
    "migrations": "migrations:check_migrations",
    "settings": "settings:check_settings",
    "dependencies": "dependencies:check_dependencies",
    "drift": "template_checks:check_drift",
    "version": "template_checks:check_version",
}


@dataclass(frozen=True)
class Finding:
    """A problem or a note, and its remedy."""

    severity: Severity
    problem: str
    remedy: str


Findings = dict[str, list[Finding]]


@dataclass(frozen=True)
class Diagnosis:
    """The examined project, and the data that its checks share."""

    root: Path
    scratch: Path
    """A temporary folder."""

    @property
    def repository(self) -> Repository:
        """The project's git repository."""
        return Repository(self.root)

    @cached_property
    def recorded(self) -> Answers:
        """The answers that Copier recorded."""
        return Answers.read(self.root)

    @cached_property
    def clone(self) -> Path:
        """A clone of the template; Copier recognizes a repository by the suffix `.git`."""
        folder = self.scratch / "template.git"
        Template.clone(self.recorded.source, folder)
        return folder

    @property
    def template(self) -> Template:
        """The template's releases."""
        return Template(Repository(self.clone))


def examine(root: Path) -> Findings:
    """Run every check on a project."""
    with tempfile.TemporaryDirectory() as folder:
        diagnosis = Diagnosis(root, Path(folder))
        return {check: run_check(check, diagnosis) for check in CHECKS}


def run_check(check: str, diagnosis: Diagnosis) -> list[Finding]:
    """Run a check; an error ends the check and becomes its last finding."""
    findings: list[Finding] = []
    module, _, name = CHECKS[check].partition(":")
    try:
        function = getattr(import_module(f"chassis_tools.diagnosis.{module}"), name)
        findings.extend(function(diagnosis))
    except CommandError as error:
        findings.append(report_unchecked(str(error)))
    except (Exception, SystemExit) as error:
        findings.append(report_unchecked(f"{type(error).__name__}: {summarize_error(error)}"))
    return findings


def report_unchecked(reason: str) -> Finding:
    """Return the finding of a check that cannot run."""
    return Finding("note", f"Not checked: {reason}", "fix this and run `manage doctor` again")


def format_json(findings: Findings) -> str:
    """Format findings as a JSON list of objects."""
    rows = [{"check": check, **asdict(item)} for check, items in findings.items() for item in items]
    return json.dumps(rows, indent=2)


def format_text(findings: Findings) -> str:
    """Format findings as a paragraph for each check with findings, and a summary."""
    parts = ["\n".join(format_check(check, items)) for check, items in findings.items() if items]
    return "\n\n".join([*parts, summarize(findings)])


def format_check(check: str, findings: list[Finding]) -> Iterator[str]:
    """Yield the lines of a check's paragraph."""
    yield f"{check}:"
    for finding in findings:
        yield f"  {finding.severity}: {finding.problem}"
        yield f"    -> {finding.remedy}"


def summarize(findings: Findings) -> str:
    """Return the number of findings of each severity."""
    counts = Counter(item.severity for items in findings.values() for item in items)
    parts = [pluralize(counts[severity], severity) for severity in SEVERITIES if counts[severity]]
    if counts["error"] or counts["warning"]:
        return ", ".join(parts)
    return ", ".join(["No problems found", *parts]) + ("" if parts else ".")


def pluralize(count: int, severity: Severity) -> str:
    """Return a number with its noun."""
    return f"{count} {severity}" + ("" if count == 1 else "s")
