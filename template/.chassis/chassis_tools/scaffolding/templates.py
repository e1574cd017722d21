"""Rendering and formatting of the templates in `scaffold/`, and records of the written files."""

import hashlib
import json
import shutil
import subprocess
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from chassis_tools.scaffolding.names import NAME, ResourceNames
from manage.errors import CommandError, summarize_error

TEMPLATE_SUFFIX = ".jinja"
MIGRATION_NAME = "migration"
# The folder of templates for existing tables, which only `manage inspect --write` uses.
EXISTING_FOLDER = "existing"
# The folder of templates that only `manage make --no-routes` uses.
WITHOUT_ROUTES_FOLDER = "without_routes"
# The folder of templates that only `manage make --child-of` uses, beside those without routes.
CHILD_FOLDER = "child"
SPECIAL_FOLDERS = {CHILD_FOLDER, EXISTING_FOLDER, WITHOUT_ROUTES_FOLDER}
# Sort imports and remove unused ones.
FIX_COMMAND = ("check", "--fix-only", "--select", "I,F401")
FORMAT_COMMAND = ("format",)
# Limits of common file systems.
MAX_NAME_BYTES = 255
MAX_PATH = 1000
RECORDS_FOLDER = "scaffold/resources"


@dataclass(frozen=True)
class Template:
    """A template and the path of the file that it renders."""

    path: Path
    name: str
    """Path of the template in the project."""
    target: str

    @property
    def is_migration(self) -> bool:
        """True if the target is a migration, whose file name gets a version later."""
        return self.target.startswith(MIGRATION_NAME + ".")

    def is_for_routes(self, names: ResourceNames) -> bool:
        """Return True if the target is the service, the routes or one of their tests."""
        path = PurePosixPath(self.target)
        roles = {"service": "services", "routes": "routes"}
        stems = {names.singular, f"test_{names.singular}"}
        return any(
            path.stem in (role, f"test_{role}")
            if path.parent.name == names.plural
            else path.parent.name == layer and path.stem in stems
            for role, layer in roles.items()
        )


class RenderedFile(NamedTuple):
    """A rendered text and the name of its template."""

    text: str
    template: str


@dataclass(frozen=True)
class Record:
    """The record of a resource: the command, and a hash of each file that it wrote."""

    command: str
    plural: str
    files: dict[str, str]

    @classmethod
    def from_files(cls, command: str, plural: str, files: Mapping[str, str]) -> "Record":
        """Return the record of new files."""
        hashes = {path: compute_fingerprint(text.encode()) for path, text in sorted(files.items())}
        return cls(command, plural, hashes)

    def find_edited(self, root: Path) -> list[str]:
        """Return the existing files that differ from their recorded hash."""
        return [
            path
            for path, hash_ in self.files.items()
            if (root / path).is_file() and compute_fingerprint((root / path).read_bytes()) != hash_
        ]

    def is_unchanged(self, root: Path) -> bool:
        """Return True if every file exists and has its recorded hash."""
        return not self.find_edited(root) and all((root / path).is_file() for path in self.files)

    def to_json(self) -> str:
        """Return the record as JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"


def find_templates(folder: Path, names: ResourceNames, subfolder: str = "") -> Iterator[Template]:
    """Yield the project's templates, with NAME and NAMES in their target paths replaced.

    Those of a special folder are only yielded if it is the subfolder.
    """
    for path in sorted((folder / subfolder).rglob(f"*{TEMPLATE_SUFFIX}")):
        if SPECIAL_FOLDERS & {*path.relative_to(folder / subfolder).parts}:
            continue
        name = path.relative_to(folder / subfolder).as_posix().removesuffix(TEMPLATE_SUFFIX)
        target = name.replace("NAMES", names.plural).replace("NAME", names.singular)
        template = Template(path, path.relative_to(folder.parent).as_posix(), target)
        if target == name and not template.is_migration:
            raise CommandError(
                f"Every resource would write {target} from the template {template.name}: put NAME or"
                " NAMES into its path"
            )
        yield template


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
        raise CommandError(f"The template {template.name} fails{explain_error(error)}") from error


def explain_error(error: Exception) -> str:
    """Return the reason why a template fails, with the line if it is known."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == "<template>"]
    line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
    location = f" on line {line}" if line else ""
    return f"{location}: {summarize_error(error).rstrip('.')}"


def format_files(files: Mapping[str, RenderedFile], root: Path) -> dict[str, str]:
    """Return the texts by path, with Python files formatted."""
    ruff = find_ruff()
    with ThreadPoolExecutor() as threads:
        formatted = {
            path: threads.submit(_format_python, ruff, root, path, file)
            for path, file in files.items()
            if path.endswith(".py")
        }
        return {
            path: formatted[path].result() if path in formatted else file.text
            for path, file in files.items()
        }


def _format_python(ruff: str, root: Path, path: str, file: RenderedFile) -> str:
    """Sort the imports of a Python text, remove unused ones and format it."""
    text = file.text
    for command in (FIX_COMMAND, FORMAT_COMMAND):
        process = subprocess.run(  # noqa: S603 (fixed arguments, no shell)
            [ruff, *command, "--stdin-filename", path, "-"],
            input=text,
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if process.returncode:
            reason = process.stderr.strip().partition("\n")[0].removeprefix("error: ")
            raise CommandError(f"The template {file.template} renders invalid Python: {reason}")
        text = process.stdout
    return text


def find_ruff() -> str:
    """Return the path of ruff in this Python's environment, otherwise on PATH."""
    scripts = Path(sysconfig.get_path("scripts"))
    path = shutil.which("ruff", path=str(scripts)) or shutil.which("ruff")
    if path is None:
        raise CommandError("ruff, which formats new files, is not installed: run `uv sync` first")
    return path


def get_record_path(singular: str) -> str:
    """Return the path of a resource's record."""
    return f"{RECORDS_FOLDER}/{singular}.json"


def read_record(root: Path, singular: str) -> Record | None:
    """Return a resource's record; None if there is none."""
    path = root / get_record_path(singular)
    if not path.is_file():
        return None
    try:
        return parse_record(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CommandError(
            f"{get_record_path(singular)} is not a valid record of a resource: restore it from git"
        ) from None


def parse_record(data: Any) -> Record:
    """Validate a record's JSON; raise ValueError or a similar error if it is invalid."""
    record = Record(data["command"], data["plural"], dict(data["files"].items()))
    texts = (record.command, *record.files.values())
    is_valid = all(isinstance(text, str) for text in texts) and all(map(is_path, record.files))
    if not (is_valid and NAME.fullmatch(record.plural)):
        raise ValueError(record)
    return record


def is_path(text: str) -> bool:
    """Return True if the text can be the path of a file in the project."""
    parts = PurePosixPath(text).parts
    is_short = all(len(part.encode()) <= MAX_NAME_BYTES for part in parts) and len(text) <= MAX_PATH
    return bool(parts) and is_short and text.isprintable() and not {"/", ".."} & {*parts}


def compute_fingerprint(content: bytes) -> str:
    """Return a hash that does not depend on line endings."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
