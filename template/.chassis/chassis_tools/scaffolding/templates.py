"""Rendering and formatting of the templates in `scaffold/`, and records of the results."""

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
from manage.errors import CommandError, reason

SUFFIX = ".jinja"
MIGRATION = "migration"
# The folder of templates for existing tables, which only `manage inspect --write` uses.
EXISTING = "existing"


@dataclass(frozen=True)
class Template:
    """A template and the path of the file that it renders."""

    path: Path
    name: str
    """Path of the template in the project."""
    target: str

    @property
    def is_migration(self) -> bool:
        """True if the target is a migration, whose name is completed with a version."""
        return self.target.startswith(MIGRATION + ".")


def find_templates(folder: Path, names: ResourceNames) -> Iterator[Template]:
    """Yield the project's templates; NAME and NAMES in their paths stand for the resource."""
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        if EXISTING in path.relative_to(folder).parts:
            continue
        target = path.relative_to(folder).as_posix().removesuffix(SUFFIX)
        target = target.replace("NAMES", names.plural).replace("NAME", names.singular)
        yield Template(path, path.relative_to(folder.parent).as_posix(), target)


def render(template: Template, context: dict[str, Any]) -> str:
    """Render a template; raise CommandError with the line if it fails."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(  # noqa: S701 (renders Python and SQL, not HTML)
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined
    )
    try:
        source = template.path.read_text(encoding="utf-8")
        return environment.from_string(source).render(context)
    except Exception as error:  # A template's expressions can raise any exception.
        raise CommandError(f"The template {template.name} fails{explained(error)}") from error


def explained(error: Exception) -> str:
    """Return the line where a template fails, if known, and the reason."""
    line = getattr(error, "lineno", None)
    place = f" in line {line}" if line else ""
    return f"{place}: {reason(error).rstrip('.')}"


# Sort imports and remove unused ones.
TIDY = ("check", "--fix-only", "--select", "I,F401")
FORMAT = ("format",)


class Made(NamedTuple):
    """A rendered text and the name of its template."""

    text: str
    template: str


def tidy(files: Mapping[str, Made], root: Path) -> dict[str, str]:
    """Return the texts by path, with Python files formatted."""
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
    """Sort the imports of a Python text, remove unused ones and format it."""
    text = made.text
    for command in (TIDY, FORMAT):
        done = subprocess.run(  # noqa: S603 (fixed arguments, no shell)
            [ruff, *command, "--stdin-filename", path, "-"],
            input=text,
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            why = done.stderr.strip().partition("\n")[0].removeprefix("error: ")
            raise CommandError(f"The template {made.template} renders invalid Python: {why}")
        text = done.stdout
    return text


def find_ruff() -> str:
    """Return the path of ruff: beside this Python, otherwise on PATH."""
    scripts = Path(sysconfig.get_path("scripts"))
    path = shutil.which("ruff", path=str(scripts)) or shutil.which("ruff")
    if path is None:
        raise CommandError("ruff, which formats new files, is not installed: run `uv sync` first")
    return path


# Limits of common file systems.
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
        """Return the record of new files."""
        hashes = {path: fingerprint(text.encode()) for path, text in sorted(files.items())}
        return cls(command, plural, hashes)

    def edited(self, root: Path) -> list[str]:
        """Return the existing files that differ from those that were written."""
        return [
            path
            for path, made in self.files.items()
            if (root / path).is_file() and fingerprint((root / path).read_bytes()) != made
        ]

    def is_untouched(self, root: Path) -> bool:
        """Return True if every file exists as it was written."""
        return not self.edited(root) and all((root / path).is_file() for path in self.files)

    def as_text(self) -> str:
        """Return the record as JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"


def record_path(singular: str) -> str:
    """Return the path of a resource's record."""
    return f"{FOLDER}/{singular}.json"


def read_record(root: Path, singular: str) -> Record | None:
    """Return a resource's record; None if `manage make` wrote none."""
    path = root / record_path(singular)
    if not path.is_file():
        return None
    try:
        return record_of(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CommandError(
            f"{record_path(singular)} is not a valid record of `manage make`: restore it from git"
        ) from None


def record_of(said: Any) -> Record:
    """Validate a record's JSON; raise ValueError or a similar error if it is invalid."""
    record = Record(said["command"], said["plural"], dict(said["files"].items()))
    texts = (record.command, *record.files.values())
    is_sound = all(isinstance(text, str) for text in texts) and all(map(is_path, record.files))
    if not (is_sound and NAME.fullmatch(record.plural)):
        raise ValueError(record)
    return record


def is_path(text: str) -> bool:
    """Return True if the text can be the path of a file in the project."""
    parts = PurePosixPath(text).parts
    is_short = all(len(part.encode()) <= MAX_PART for part in parts) and len(text) <= MAX_PATH
    return bool(parts) and is_short and text.isprintable() and not {"/", ".."} & {*parts}


def fingerprint(content: bytes) -> str:
    """Return a hash that does not depend on line endings."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
