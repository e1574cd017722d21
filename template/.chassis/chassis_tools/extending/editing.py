"""Edits of a resource's files: what differs between two renderings, done in the files."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from chassis_tools.extending.merging import merge_module
from chassis_tools.scaffolding.changes import Change, ChangeSet
from chassis_tools.scaffolding.modules import BYTE_ORDER_MARK
from chassis_tools.scaffolding.project import Project
from chassis_tools.scaffolding.source import NotEditableError
from chassis_tools.scaffolding.templates import (
    Record,
    RenderedFile,
    compute_fingerprint,
    format_files,
    get_record_path,
)

Labels = tuple[str, str]
"""Names of the two renderings in instructions."""


@dataclass(frozen=True)
class EditPlan:
    """The planned changes, and those that are left to the user."""

    changes: ChangeSet
    instructions: Mapping[str, str]
    """What to change by hand, by path."""

    def print_instructions(self) -> None:
        """Print what to change by hand."""
        for path, instruction in self.instructions.items():
            typer.echo(f"\nEdit {path} by hand. {instruction}")


@dataclass(frozen=True)
class Edits:
    """The changes of a resource's files, and those that are left to the user."""

    changes: Sequence[Change]
    instructions: Mapping[str, str]
    hashes: Mapping[str, str]
    """Hashes for the record, by path: an edited file keeps counting as edited."""


def edit_files(
    project: Project,
    record: Record,
    first: Mapping[str, str],
    second: Mapping[str, str],
    labels: Labels,
) -> Edits:
    """Do in the recorded files what differs between two renderings."""
    changes: list[Change] = []
    instructions: dict[str, str] = {}
    hashes = dict(record.files)
    for path, text in second.items():
        if text == first.get(path):
            continue
        try:
            before, after = edit_file(project, path, first[path], text)
        except NotEditableError as error:
            instructions[path] = format_instruction(str(error), first[path], text, labels)
            continue
        changes.append(Change(Path(path), before.encode(), after.encode()))
        is_edited = compute_fingerprint(before.encode()) != record.files.get(path)
        hashes[path] = compute_fingerprint((text if is_edited else after).encode())
    return Edits(changes, instructions, hashes)


def edit_file(project: Project, path: str, first: str, second: str) -> tuple[str, str]:
    """Return the text of a file before and after; raise NotEditableError if it is unclear."""
    if not (project.root / path).is_file():
        raise NotEditableError("it does not exist")
    before = project.read(path)
    text = before.replace("\r\n", "\n")
    has_carriage_returns = text != before and text.replace("\n", "\r\n") == before
    merged = merge_text(project, path, first, second, text if has_carriage_returns else before)
    return before, merged.replace("\n", "\r\n") if has_carriage_returns else merged


def merge_text(project: Project, path: str, first: str, second: str, text: str) -> str:
    """Return the text of a file with the change between two renderings."""
    if text == first:
        return second
    if not path.endswith(".py"):
        raise NotEditableError("you edited it")
    source = text.removeprefix(BYTE_ORDER_MARK)
    merged = merge_module(first, second, source)
    if is_formatted(project, path, source):
        merged = format_module(project, path, merged)
    return text[: len(text) - len(source)] + merged


def build_record_change(project: Project, singular: str, record: Record) -> Change:
    """Build the change of a resource's record."""
    path = get_record_path(singular)
    files = {name: record.files[name] for name in sorted(record.files)}
    before = (project.root / path).read_bytes()
    return Change(Path(path), before, replace(record, files=files).to_json().encode())


def is_formatted(project: Project, path: str, text: str) -> bool:
    """Return True if the project's formatter would not change a module."""
    return format_module(project, path, text) == text


def format_module(project: Project, path: str, text: str) -> str:
    """Return a module as the project's formatter writes it."""
    return format_files({path: RenderedFile(text, path)}, project.root)[path]


def format_instruction(reason: str, first: str, second: str, labels: Labels) -> str:
    """Return the reason why a file must be edited by hand, and the lines that change."""
    patch = difflib.unified_diff(first.splitlines(), second.splitlines(), *labels, lineterm="")
    return "\n".join([f"{reason[0].upper()}{reason[1:]}:", *patch])
