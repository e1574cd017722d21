"""The code blocks of the how-to guides."""

import re
from pathlib import Path

from releasing.releases import REPOSITORY

GUIDES = REPOSITORY / "docs" / "how-to"


def first_block(guide: Path, language: str) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.+?)```", guide.read_text(), re.DOTALL)
    return found[0]


def sql_of(guide: Path) -> list[str]:
    """Return the statements of the guide's SQL block."""
    return [sql.strip() for sql in first_block(guide, "sql").split(";") if sql.strip()]


def files_of(guide: Path) -> dict[str, str]:
    """Return the files that a guide prints, by the path in the first line of each."""
    blocks = re.findall(r"```python\n# (\S+)\n(.+?)```", guide.read_text(), re.DOTALL)
    return dict(blocks)


def without_async(code: str) -> str:
    """Convert the guide's code for a sync project; lifespans and exception handlers stay async."""
    return re.sub(r"async (def (?:check_kettle|seed)\b)", r"\1", code)
