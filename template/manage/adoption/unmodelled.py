"""The tables that were there, which no migration drops: listed in a module of the team's."""

import ast
from collections.abc import Collection
from pathlib import Path

from manage.errors import CommandError
from manage.scaffolding.changes import Change
from manage.scaffolding.formatting import Made, tidy
from manage.scaffolding.project import Project, module_name, parse
from manage.scaffolding.registries import add_model

NAME = "EXISTING_TABLES"
HEAD = '''"""Tables that were there: `manage migrate create` leaves alone those without a model."""

from app.core.models import Base

'''


def modelled(project: Project, schema: str) -> dict[str, str]:
    """The models of a schema's tables by table."""
    models = project.models.items()
    return {model.table: name for name, model in models if model.schema == schema}


def known_as(schema: str, table: str) -> str:
    """What the metadata calls a table."""
    return table if schema == "public" else f"{schema}.{table}"


def place_in(project: Project) -> str:
    """The module's path, in either layout."""
    registry = project.registry("models")
    if registry.endswith("__init__.py"):
        return registry.replace("__init__", "existing_tables")
    return "app/existing_tables.py"


def listed(project: Project) -> list[str]:
    """The tables that are listed already."""
    path = place_in(project)
    if not (project.root / path).is_file():
        return []
    for statement in parse(project.read(path), path).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == NAME:
            try:
                return [str(name) for name in ast.literal_eval(statement.value)]
            except ValueError:
                break
    raise CommandError(f"{path} has no tuple {NAME} of plain names: write them out")


def list_tables(project: Project, tables: Collection[str]) -> Change:
    """The module, made or rewritten."""
    path = place_in(project)
    names = "".join(f"    {name!r},\n" for name in sorted(tables))
    text = f'{HEAD}{NAME} = ({names})\n\nBase.metadata.info["existing_tables"] = {NAME}\n'
    text = tidy({path: Made(text, "of the list")}, project.root)[path]
    before = (project.root / path).read_bytes() if (project.root / path).is_file() else None
    return Change(Path(path), before, text.encode())


def registered(project: Project, registry: str) -> str:
    """The registry of models with the module in it, so that the list takes effect."""
    return add_model(registry, module=module_name(place_in(project)), name=NAME)
