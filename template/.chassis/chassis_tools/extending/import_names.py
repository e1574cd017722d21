"""Imports that a rendering has and an edited module lacks."""

import ast
import sys
from collections.abc import Sequence

from chassis_tools.scaffolding.entries import Entries
from chassis_tools.scaffolding.imports import (
    OTHER_SECTION,
    ImportedName,
    add_import,
    find_import,
    get_imports,
    get_section,
    get_sort_key,
)
from chassis_tools.scaffolding.source import (
    NotEditableError,
    Source,
    find_bindings,
    name_sort_key,
)


def reject_other_bindings(base: Source, new: Source, edited: Source) -> None:
    """Reject an edited module that uses the name of a new import for something else."""
    known = {str(name) for name in get_imported_names(base)}
    for name in get_imported_names(new):
        if str(name) not in known:
            find_import(edited, name)


def add_imports(edited: str, new: Source) -> str:
    """Return the edited module with the rendering's imports of names that it uses and lacks."""
    tree = Source(edited).tree
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for name in get_imported_names(new):
        if name.name in used and not find_bindings(tree, name.name):
            edited = add_name(Source(edited), name)
    return edited


def get_imported_names(source: Source) -> list[ImportedName]:
    """Return the names that a rendering imports."""
    return [
        ImportedName(statement.module or "", alias.name, alias.asname or alias.name)
        for statement in get_imports(source.tree)
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    ]


def add_name(source: Source, imported: ImportedName) -> str:
    """Return the module with a name that it does not import."""
    statements = get_imports(source.tree)
    for statement in statements:
        if isinstance(statement, ast.ImportFrom) and imported.is_from(statement):
            key = name_sort_key(imported.member)
            keys = [name_sort_key(alias.name) for alias in statement.names]
            index = next((i for i, other in enumerate(keys) if other > key), len(keys))
            alias = str(imported).rpartition(" import ")[2]
            return source.apply_edits(Entries.of_import(source, statement).insert(index, alias))
    (wanted,) = get_imports(ast.parse(str(imported)))
    similar = [item for item in statements if get_group(item) == get_group(wanted)]
    if not similar:
        return add_import(source, imported, before=None)
    earlier = [item for item in similar if get_sort_key(item) < get_sort_key(wanted)]
    return insert_import(source, imported, similar, earlier)


def insert_import(
    source: Source,
    imported: ImportedName,
    similar: Sequence[ast.Import | ast.ImportFrom],
    earlier: Sequence[ast.Import | ast.ImportFrom],
) -> str:
    """Insert an import after those that sort before it, otherwise before the others."""
    if not all(map(source.is_alone_on_lines, similar)):
        raise NotEditableError(f"line {similar[0].lineno} contains several statements")
    if earlier:
        line = source.get_line_range(earlier[-1])[1] + 1
    else:
        line = source.get_line_range(similar[0])[0]
    newline = source.get_newline(max(line - 1, 1))
    start = source.get_line_start(line)
    return source.apply_edits([(start, start, imported.format(newline) + newline)])


def get_group(statement: ast.Import | ast.ImportFrom) -> tuple[int, bool]:
    """Return the group of imports that a statement belongs to, in the order of ruff."""
    section = get_section(statement)
    name = statement.module if isinstance(statement, ast.ImportFrom) else statement.names[0].name
    is_standard = (name or "").partition(".")[0] in sys.stdlib_module_names
    return section, section == OTHER_SECTION and is_standard
