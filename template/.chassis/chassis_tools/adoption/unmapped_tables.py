"""The list of existing tables that no migration may drop, in a module that the team owns."""

import ast
from collections.abc import Collection
from pathlib import Path

from chassis_tools.scaffolding.changes import Change
from chassis_tools.scaffolding.literals import literal
from chassis_tools.scaffolding.modules import get_module_name, parse
from chassis_tools.scaffolding.project import Project
from chassis_tools.scaffolding.registries import add_model, find_registry_list
from chassis_tools.scaffolding.source import NotEditableError, Source
from chassis_tools.scaffolding.templates import RenderedFile, format_files
from manage.errors import CommandError

NAME = "EXISTING_TABLES"
HEADER = '''"""Existing tables: `manage migrate create` does not drop those without a model."""

from app.core.models import Base

'''


def find_models(project: Project, schema: str) -> dict[str, str]:
    """Return the names of models by table, for the tables of a schema."""
    models = project.models.items()
    return {model.table: name for name, model in models if model.table and model.schema == schema}


def get_table_key(schema: str, table: str) -> str:
    """Return a table's key in SQLAlchemy's metadata."""
    return table if schema == "public" else f"{schema}.{table}"


def get_path(project: Project) -> str:
    """Return the path of the module that lists the tables."""
    registry = project.get_registry_path("models")
    if registry.endswith("__init__.py"):
        return registry.replace("__init__", "existing_tables")
    return "app/existing_tables.py"


def read_tables(project: Project) -> list[str]:
    """Return the listed tables."""
    path = get_path(project)
    if not (project.root / path).is_file():
        return []
    for statement in parse(project.read(path), path).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == NAME:
            try:
                return [str(name) for name in ast.literal_eval(statement.value)]
            except (ValueError, TypeError):
                break
    raise CommandError(f"{path} must assign a tuple of string literals to {NAME}")


def list_tables(project: Project, tables: Collection[str]) -> Change:
    """Return the change that creates the module or adds tables to its list."""
    path = get_path(project)
    if not (project.root / path).is_file():
        lines = "".join(f"    {literal(name)},\n" for name in sorted(tables))
        text = f'{HEADER}{NAME} = ({lines})\n\nBase.metadata.info["existing_tables"] = {NAME}\n'
        text = format_files({path: RenderedFile(text, "of the list")}, project.root)[path]
        return Change(Path(path), None, text.encode())
    before = after = project.read(path)
    try:
        for name in sorted(set(tables) - set(read_tables(project))):
            after = add_table(after, name)
    except NotEditableError as error:
        raise CommandError(
            f"{path} cannot be edited because {error}: add {name} to {NAME} by hand"
        ) from None
    return Change(Path(path), before.encode(), after.encode())


def add_table(text: str, name: str) -> str:
    """Add a table to the list on a separate line; leave the rest of the module unchanged."""
    source = Source(text)
    registry_list = find_registry_list(source, NAME)
    names = registry_list.read_strings()
    if names:
        position = next((index for index, other in enumerate(names) if other > name), len(names))
        return source.apply_edits(registry_list.entries.insert(position, literal(name)))
    value = registry_list.statement.value
    newline = source.get_newline(registry_list.statement.lineno)
    value_source = f"({newline}    {literal(name)},{newline})"
    return source.apply_edits(
        [(source.get_start(value), source.get_end(value), value_source)] if value else []
    )


def register(project: Project, registry: str) -> str:
    """Import the module in the registry of models, so that the list takes effect."""
    return add_model(registry, module=get_module_name(get_path(project)), name=NAME)
