"""The team's templates of a resource, in `scaffold/`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manage.errors import CommandError, reason
from manage.scaffolding.names import ResourceNames

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
    return f"{place}: {reason(error).rstrip('.')}"
