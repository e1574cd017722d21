"""The team's templates of a resource, in `scaffold/`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manage.errors import CommandError
from manage.scaffolding.names import ResourceNames

SUFFIX = ".jinja"
MIGRATION = "migration"


@dataclass(frozen=True)
class Template:
    """A template, with the path in the project of what it makes."""

    path: Path
    target: str

    @property
    def is_migration(self) -> bool:
        """Whether its target is a name that the migration's version completes."""
        return self.target.startswith(MIGRATION + ".")


def find_templates(folder: Path, names: ResourceNames) -> Iterator[Template]:
    """The templates of a project; NAME and NAMES in their paths stand for the resource."""
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        target = path.relative_to(folder).as_posix().removesuffix(SUFFIX)
        yield Template(path, target.replace("NAMES", names.plural).replace("NAME", names.singular))


def render(template: Template, context: dict[str, Any]) -> str:
    """What a template makes of a resource."""
    from jinja2 import Environment, StrictUndefined, TemplateError

    environment = Environment(  # noqa: S701 (it writes Python and SQL, not HTML)
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined
    )
    try:
        source = template.path.read_text(encoding="utf-8")
        return environment.from_string(source).render(context)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        place = f"{template.path.name}, line {line}" if line else template.path.name
        raise CommandError(f"The template scaffold/…/{place} fails: {error.message}") from error
