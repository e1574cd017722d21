"""Changes to Copier that make it faster and make no difference to these tests.

Copier asks git for the mode of each file, compiles every part of every path anew, renders the path
of the answers for each, and parses YAML in Python. This module needs only Copier's packages:
`tests/support/startup` loads it in Copier's own environment.
"""

import marshal
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from unittest.mock import patch

import yaml
from copier._main import Worker
from jinja2 import Environment

COMPILE: Callable[..., CodeType] = Environment.compile
COMPILED: dict[tuple[str, str | None], CodeType] = {}


@contextmanager
def fast_copier() -> Iterator[None]:
    """Leave out what takes most of Copier's time."""
    with (
        patch.object(Worker, "_sync_git_index_executable_bit", create=True),
        patch.object(Worker, "answers_relpath", Path(".copier-answers.yml")),
        patch.object(Environment, "compile", compile_once),
        patch.object(yaml, "SafeLoader", getattr(yaml, "CSafeLoader", yaml.SafeLoader)),
    ):
        yield


def compile_once(
    environment: Environment,
    source: str,
    name: str | None = None,
    filename: str | None = None,
    **options: bool,
) -> CodeType:
    """Compile a template, or return the code of an equal one: all come from Copier's settings."""
    key = (source, name)
    if key in COMPILED:
        environment.preprocess(source, name, filename)  # resets the state of Copier's `yield` tag
    else:
        COMPILED[key] = COMPILE(environment, source, name, filename, **options)
    return COMPILED[key]


@contextmanager
def shared_code(file: Path) -> Iterator[None]:
    """Share the compiled templates with other processes by a file, which may not exist yet."""
    if file.exists():
        COMPILED.update(marshal.loads(file.read_bytes()))
    before = len(COMPILED)
    yield
    if len(COMPILED) > before:
        scratch = file.with_suffix(f".{os.getpid()}")
        scratch.write_bytes(marshal.dumps(COMPILED))
        scratch.replace(file)
