"""Write values as Jinja source, on lines of at most 120 characters."""

import textwrap
from collections.abc import Iterator
from typing import Any

LINE_LENGTH = 120


class Expression(str):
    """Jinja source instead of a value."""


def assign(name: str, value: Any) -> str:
    """Write an assignment; a dictionary has a line per entry."""
    if not isinstance(value, dict):
        return f"{{% set {name} = {source(value)} %}}\n"
    entries = "".join(f"  {entry(key, item)},\n" for key, item in value.items())
    return f"{{% set {name} = {{\n{entries}}} %}}\n"


def entry(key: str, value: Any) -> str:
    """Write an entry of a dictionary, on several lines if it is too long for one."""
    line = f"{key!r}: {source(value)}"
    if len(f"  {line},") > LINE_LENGTH and isinstance(value, list):
        return f"{key!r}: [\n{''.join(items(value))}  ]"
    return line


def items(values: list[Any]) -> Iterator[str]:
    """Write the items of a list, each on lines of its own."""
    for value in values:
        line = f"    {source(value)},\n"
        if len(line.rstrip()) > LINE_LENGTH and isinstance(value, str):
            pieces = "".join(f"      {piece!r}\n" for piece in wrap(value))
            line = f"    (\n{pieces}    ),\n"
        yield line


def wrap(text: str) -> list[str]:
    """Split a text after its newlines, and between words where a line is too long."""
    return [
        piece
        for line in text.splitlines(keepends=True)
        for piece in textwrap.wrap(
            line, LINE_LENGTH - 20, drop_whitespace=False, replace_whitespace=False
        )
    ]


def source(value: Any) -> str:
    """Write a value on one line."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {source(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(source, value))}]"
    return str(value).lower() if isinstance(value, bool) else repr(value)
