"""The findings, for people and for programs."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from manage.diagnosis.findings import Finding, Severity

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
Findings = dict[str, list[Finding]]


def as_json(found: Findings) -> str:
    """A list with an object for each finding."""
    told = [{"check": check, **asdict(one)} for check, many in found.items() for one in many]
    return json.dumps(told, indent=2)


def as_text(found: Findings) -> str:
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
