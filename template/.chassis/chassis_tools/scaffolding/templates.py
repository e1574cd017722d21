"""The templates in scaffold/, rendered, formatted and recorded."""

import hashlib
import json
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from chassis_tools.scaffolding.names import NAME, ResourceNames
from manage.errors import CommandError, summarize_error

SUFFIX = ".jinja"
MIGRATION = "migration"
# The folder of those for tables that are there, which only `manage inspect --write` uses.
EXISTING = "existing"


@dataclass(frozen=True)
class Template:
    """A template, with the path of what it makes."""

    path: Path
    name: str
    """The path in the project."""
    target: str

    @property
    def is_migration(self) -> bool:
        """Whether its target is a name that the migration's version completes."""
        return self.target.startswith(MIGRATION + ".")


def find_templates(folder: Path, names: ResourceNames) -> Iterator[Template]:
    """The templates of a project; NAME and NAMES in their paths stand for the resource."""
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        if EXISTING in path.relative_to(folder).parts:
            continue
        target = path.relative_to(folder).as_posix().removesuffix(SUFFIX)
        target = target.replace("NAMES", names.plural).replace("NAME", names.singular)
        yield Template(path, path.relative_to(folder.parent).as_posix(), target)


def render(template: Template, context: dict[str, Any]) -> str:
    """What a template makes of a resource."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(  # noqa: S701 (it writes Python and SQL, not HTML)
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined
    )
    try:
        source = template.path.read_text(encoding="utf-8")
        return environment.from_string(source).render(context)
    except Exception as error:  # Expressions in a template fail in any way that Python has.
        raise CommandError(f"The template {template.name} fails{explained(error)}") from error


def explained(error: Exception) -> str:
    """Where a template fails, if that is known, and why."""
    line = getattr(error, "lineno", None)
    place = f" in line {line}" if line else ""
    return f"{place}: {summarize_error(error).rstrip('.')}"


# Imports are sorted, and those that this resource does not need are left out.
TIDY = ("check", "--fix-only", "--select", "I,F401")
FORMAT = ("format",)


class Made(NamedTuple):
    """A text, and the template that it is made by."""

    text: str
    template: str


def tidy(files: Mapping[str, Made], root: Path) -> dict[str, str]:
    """The texts; those of Python files tidied."""
    ruff = find_ruff()
    with ThreadPoolExecutor() as threads:
        tidied = {
            path: threads.submit(_tidy, ruff, root, path, made)
            for path, made in files.items()
            if path.endswith(".py")
        }
        return {
            path: tidied[path].result() if path in tidied else made.text
            for path, made in files.items()
        }


def _tidy(ruff: str, root: Path, path: str, made: Made) -> str:
    text = made.text
    for command in (TIDY, FORMAT):
        done = subprocess.run(  # noqa: S603 (a list of ours, no shell)
            [ruff, *command, "--stdin-filename", path, "-"],
            input=text,
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            why = done.stderr.strip().partition("\n")[0].removeprefix("error: ")
            raise CommandError(f"The template {made.template} makes no valid Python: {why}")
        text = done.stdout
    return text


def find_ruff() -> str:
    """The program beside this Python, else the one on PATH."""
    beside = Path(sysconfig.get_path("scripts"))
    found = shutil.which("ruff", path=str(beside)) or shutil.which("ruff")
    if found is None:
        raise CommandError("ruff tidies what is made, and is not installed: run `uv sync` first")
    return found


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
