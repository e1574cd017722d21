"""The tables that were there, which no migration drops: listed in a module of the team's."""

import ast
from collections.abc import Collection
from pathlib import Path

from chassis_tools.scaffolding.changes import Change
from chassis_tools.scaffolding.literals import literal
from chassis_tools.scaffolding.project import Project, get_module_name, parse
from chassis_tools.scaffolding.registries import add_model, find_registry_list
from chassis_tools.scaffolding.source import NotEditableError, Source
from chassis_tools.scaffolding.templates import RenderedFile, format_files
from manage.errors import CommandError

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
            except (ValueError, TypeError):
                break
    raise CommandError(f"{path} has no tuple {NAME} of plain names: write them out")


def list_tables(project: Project, tables: Collection[str]) -> Change:
    """The module made, or with what its list lacks."""
    path = place_in(project)
    if not (project.root / path).is_file():
        lines = "".join(f"    {literal(name)},\n" for name in sorted(tables))
        text = f'{HEAD}{NAME} = ({lines})\n\nBase.metadata.info["existing_tables"] = {NAME}\n'
        text = format_files({path: RenderedFile(text, "of the list")}, project.root)[path]
        return Change(Path(path), None, text.encode())
    before = after = project.read(path)
    try:
        for name in sorted(set(tables) - set(listed(project))):
            after = with_table(after, name)
    except NotEditableError as why:
        raise CommandError(f"{path} was left alone because {why}: add {name} to {NAME}") from None
    return Change(Path(path), before.encode(), after.encode())


def with_table(text: str, name: str) -> str:
    """The module with another table in its list, on a line of its own, and all else as it was."""
    source = Source(text)
    registry_list = find_registry_list(source, NAME)
    names = registry_list.read_strings()
    if names:
        place = next((index for index, one in enumerate(names) if one > name), len(names))
        return source.apply_edits(registry_list.entries.insert(place, literal(name)))
    value = registry_list.statement.value
    newline = source.newline(registry_list.statement.lineno)
    made = f"({newline}    {literal(name)},{newline})"
    return source.apply_edits([(source.start(value), source.end(value), made)] if value else [])


def registered(project: Project, registry: str) -> str:
    """The registry of models with the module in it, so that the list takes effect."""
    return add_model(registry, module=get_module_name(place_in(project)), name=NAME)
