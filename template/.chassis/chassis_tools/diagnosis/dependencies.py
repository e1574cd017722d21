"""The check of installed packages."""

from collections.abc import Iterator

from app.core.versions import find_untested_versions

from chassis_tools.diagnosis.examination import Diagnosis, Finding


def check_dependencies(_diagnosis: Diagnosis) -> Iterator[Finding]:
    """Find packages that are newer than those that the template was tested with."""
    for problem, remedy in find_untested_versions():
        yield Finding("warning", problem, f"{remedy} if something fails")
