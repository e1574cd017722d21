"""Pieces of Python source text: literals and imports."""

import sys
from collections.abc import Collection
from itertools import groupby
from operator import itemgetter

Import = tuple[str, str]
"""A module and what is imported from it."""


def literal(value: object) -> str:
    """A literal as ruff writes it: in double quotes unless the text holds some."""
    if not isinstance(value, str) or '"' in value:
        return repr(value)
    return '"' + repr(f'"{value}')[2:-1].replace("\\'", "'") + '"'


def import_lines(imports: Collection[Import]) -> list[str]:
    """A line for each module, the standard library's first."""
    own = {module for module, _ in imports if module.partition(".")[0] in sys.stdlib_module_names}
    lines: dict[bool, list[str]] = {True: [], False: []}
    for module, members in groupby(sorted(set(imports)), key=itemgetter(0)):
        names = ", ".join(name for _, name in members)
        lines[module in own].append(f"from {module} import {names}")
    between = [""] if all(lines.values()) else []
    return [*lines[True], *between, *lines[False]]
