"""The order in which ruff wants imports and the names in `__all__`."""

import re

Natural = list[tuple[int, bool, int, str]]


def natural(text: str) -> Natural:
    """A key that puts `a2` before `a10`; a number that starts with 0 compares like text."""
    parts: list[str] = re.findall(r"[0-9]+|[^0-9]", text)
    return [natural_part(part) for part in parts]


def natural_part(part: str) -> tuple[int, bool, int, str]:
    """All numbers sort where the digits are among the characters."""
    if not (part.isascii() and part.isdigit()):
        return ord(part), False, 0, ""
    counts = part[0] != "0"
    return ord("0"), counts, len(part) if counts else 0, part


def by_module(module: str) -> tuple[Natural, Natural]:
    """Among the imports of a section."""
    return natural(module.lower()), natural(module)


def by_kind(name: str) -> tuple[int, Natural]:
    """In `__all__`: constants, then classes, then the rest."""
    if len(name) > 1 and name.isupper():
        return 0, natural(name)
    return (1 if name[:1].isupper() else 2), natural(name)
