"""CHANGELOG.md: a section for each version, with a note for those who upgrade to it."""

import re
from datetime import date

from packaging.version import Version

NAME = "CHANGELOG.md"
UNRELEASED = "Unreleased"
NOTE = "### When you upgrade\n"
SECTION = re.compile(r"^## \[([^\]]+)\][^\n]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    """What is told of each version, in the order of the file."""
    return dict(SECTION.findall(text))


def note(section: str) -> str:
    """What those who upgrade are told."""
    return section.partition(NOTE)[2].partition("\n### ")[0].strip()


def changes(section: str) -> str:
    """What is told beside that note, without headings."""
    before, _, after = section.partition(NOTE)
    others = before + "".join(after.partition("\n### ")[1:])
    return re.sub(r"^#.*$", "", others, flags=re.MULTILINE).strip()


def released(text: str, version: Version, day: date) -> str:
    """The file once what was unreleased is that version."""
    heading = re.compile(rf"^## \[{UNRELEASED}\].*$", re.MULTILINE)
    return heading.sub(f"## [{UNRELEASED}]\n\n## [{version}] - {day}", text, count=1)
