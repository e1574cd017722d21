"""The code blocks of the how-to guides."""

import re
from pathlib import Path

from releasing.releases import REPOSITORY

GUIDES = REPOSITORY / "docs" / "how-to"


def first_block(guide: Path, language: str) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.+?)```", guide.read_text(), re.DOTALL)
    return found[0]


def sql_of(guide: Path) -> list[str]:
    """The statements of the guide's block of SQL."""
    return [sql.strip() for sql in first_block(guide, "sql").split(";") if sql.strip()]


def files_of(guide: Path) -> dict[str, str]:
    """The files that a guide writes out, by the path in the first line of each."""
    blocks = re.findall(r"```python\n# (\S+)\n(.+?)```", guide.read_text(), re.DOTALL)
    return dict(blocks)


def without_async(code: str) -> str:
    """As the guide says for a sync project; lifespans and handlers of exceptions stay as they are."""
    return re.sub(r"async (def (?:check_kettle|seed)\b)", r"\1", code)
