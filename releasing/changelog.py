"""CHANGELOG.md: a section for each version, with a note on upgrading to it."""

import re
from datetime import date

from packaging.version import Version

NAME = "CHANGELOG.md"
UNRELEASED = "Unreleased"
NOTE = "### When you upgrade\n"
SECTION = re.compile(r"^## \[([^\]]+)\][^\n]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def parse_sections(text: str) -> dict[str, str]:
    """Return the section of each version, in the order of the file."""
    return dict(SECTION.findall(text))


def get_note(section: str) -> str:
    """Return the note on upgrading."""
    return section.partition(NOTE)[2].partition("\n### ")[0].strip()


def get_changes(section: str) -> str:
    """Return the section without the note on upgrading and without headings."""
    before, _, after = section.partition(NOTE)
    others = before + "".join(after.partition("\n### ")[1:])
    return re.sub(r"^#.*$", "", others, flags=re.MULTILINE).strip()


def add_release(text: str, version: Version, day: date) -> str:
    """Return the changelog in which the unreleased section belongs to the version."""
    heading = re.compile(rf"^## \[{UNRELEASED}\].*$", re.MULTILINE)
    return heading.sub(f"## [{UNRELEASED}]\n\n## [{version}] - {day}", text, count=1)
