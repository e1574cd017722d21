"""CHANGELOG.md: a section for each version, with a note for those who upgrade to it."""

import re
from datetime import date

from packaging.version import Version

NAME = "CHANGELOG.md"
UNRELEASED = "Unreleased"
NOTE = "### When you upgrade\n"
SECTION = re.compile(r"^## \[([^\]]+)\][^\n]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    """Return the section of each version, in the order of the file."""
    return dict(SECTION.findall(text))


def note(section: str) -> str:
    """Return the note for those who upgrade."""
    return section.partition(NOTE)[2].partition("\n### ")[0].strip()


def changes(section: str) -> str:
    """Return the rest of a section, without headings."""
    before, _, after = section.partition(NOTE)
    others = before + "".join(after.partition("\n### ")[1:])
    return re.sub(r"^#.*$", "", others, flags=re.MULTILINE).strip()


def released(text: str, version: Version, day: date) -> str:
    """Return the file with the unreleased section as that version's."""
    heading = re.compile(rf"^## \[{UNRELEASED}\].*$", re.MULTILINE)
    return heading.sub(f"## [{UNRELEASED}]\n\n## [{version}] - {day}", text, count=1)
