"""What `manage make` wrote, so that `manage remove` takes out exactly that: `scaffold/made/`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from manage.errors import CommandError
from manage.scaffolding.names import NAME

# What file systems take.
MAX_PART = 255
MAX_PATH = 1000
FOLDER = "scaffold/made"


@dataclass(frozen=True)
class Record:
    """A resource's files, each with a hash of its text."""

    command: str
    plural: str
    files: dict[str, str]

    @classmethod
    def of(cls, command: str, plural: str, files: Mapping[str, str]) -> "Record":
        """The record of files that were just made."""
        hashes = {path: fingerprint(text.encode()) for path, text in sorted(files.items())}
        return cls(command, plural, hashes)

    def edited(self, root: Path) -> list[str]:
        """The files that are not as they were made; one that is gone is not among them."""
        return [
            path
            for path, made in self.files.items()
            if (root / path).is_file() and fingerprint((root / path).read_bytes()) != made
        ]

    def is_untouched(self, root: Path) -> bool:
        """Whether every file is there as it was made."""
        return not self.edited(root) and all((root / path).is_file() for path in self.files)

    def as_text(self) -> str:
        """The record as it is kept."""
        return json.dumps(asdict(self), indent=2) + "\n"


def record_path(singular: str) -> str:
    """Where a resource's record is."""
    return f"{FOLDER}/{singular}.json"


def read_record(root: Path, singular: str) -> Record | None:
    """A resource's record, if `manage make` wrote one."""
    path = root / record_path(singular)
    if not path.is_file():
        return None
    try:
        return record_of(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CommandError(
            f"{record_path(singular)} is not a record of `manage make`: bring it back from git"
        ) from None


def record_of(said: Any) -> Record:
    """What was read; ValueError and its like if nobody can have written it."""
    record = Record(said["command"], said["plural"], dict(said["files"].items()))
    texts = (record.command, *record.files.values())
    is_sound = all(isinstance(text, str) for text in texts) and all(map(is_path, record.files))
    if not (is_sound and NAME.fullmatch(record.plural)):
        raise ValueError(record)
    return record


def is_path(text: str) -> bool:
    """Whether it can be the path of a file in the project."""
    parts = PurePosixPath(text).parts
    is_short = all(len(part.encode()) <= MAX_PART for part in parts) and len(text) <= MAX_PATH
    return bool(parts) and is_short and text.isprintable() and not {"/", ".."} & {*parts}


def fingerprint(content: bytes) -> str:
    """A hash that does not depend on how lines end."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
