"""Search for code that uses a resource."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

from chassis_tools.scaffolding.modules import (
    get_dotted_name,
    get_module_name,
    parse,
    resolve_module,
)
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.project import Project
from chassis_tools.scaffolding.source import walk_module_level
from chassis_tools.scaffolding.sql import find_table_use

PACKAGE_SUFFIX = ".__init__"
# Folders of the project without modules of the service: past migrations, templates and builds.
SKIPPED_FOLDERS = ("migrations", "scaffold", "build", "dist")
# The kernel's tests create tables of their own, whose names may be those of resources.
KERNEL_TESTS = ("tests/core/", "tests/support/")
BASE_COLUMNS = ("id", "owner_id", "tenant_id", "created_at", "updated_at", "deleted_at")
# Stands for a value in a text, which may be the schema before a table.
UNKNOWN = " x."


@dataclass(frozen=True)
class Usage:
    """The names by which other files use a resource."""

    names: ResourceNames
    table: str
    """Name of its table, with its schema unless that is `public`."""
    columns: Collection[str]
    modules: Collection[str]
    """Names of its modules."""
    star_imports: Collection[tuple[str, str]] = ()
    """Modules with `from … import *`, each with the module that it imports."""

    @cached_property
    def packages(self) -> set[str]:
        """Names of its packages; their other modules belong to the team and are kept."""
        suffix = PACKAGE_SUFFIX
        return {name.removesuffix(suffix) for name in self.modules if name.endswith(suffix)}

    @cached_property
    def objects(self) -> set[str]:
        """Dotted names of its modules and registered objects."""
        registered = {f"app.models.{self.names.class_name}", f"app.routes.{self.names.plural}"}
        modules = {name for name in self.modules if not name.endswith(PACKAGE_SUFFIX)}
        names: set[str] = set()
        exported = registered | modules
        while exported - names:
            names |= exported
            exported = {
                f"{module}.{name.removeprefix(prefix)}"
                for module, imported in self.star_imports
                for name in names
                if name.startswith(prefix := f"{imported}.")
            }
        return names

    @cached_property
    def keys(self) -> set[str]:
        """Columns in foreign keys, such as `orders.id`."""
        tables = (self.table, f"public.{self.table}")
        return {f"{table}.{name}" for table in tables for name in self.columns}

    def is_object(self, name: str) -> bool:
        """Return True if a dotted name is a package, module or object of the resource."""
        return name in self.packages or self.is_in_object(name)

    def is_in_object(self, name: str) -> bool:
        """Return True if a dotted name is a module or object of the resource, or in one."""
        return any(f"{name}.".startswith(f"{prefix}.") for prefix in self.objects)

    def find_line(self, path: str, code: ast.Module) -> int | None:
        """Return the first line of a module that uses the resource, or None."""
        nodes = list(ast.walk(code))
        lines = list(self._find_imports(path, nodes))
        if not path.startswith(KERNEL_TESTS):
            lines += self._find_relations(nodes)
            lines += (line for line, text in find_texts(nodes) if self.is_in_text(text))
        return min(lines, default=None)

    def is_in_text(self, text: str) -> bool:
        """Return True if a string is a column or module of the resource, or SQL that uses it."""
        module = text.partition(":")[0]
        return text in self.keys or self.is_object(module) or self.find_in_sql(text) is not None

    def find_in_sql(self, text: str) -> int | None:
        """Return the offset of the table's first use in SQL, or None."""
        return find_table_use(text, self.table.rpartition(".")[2])

    def _find_imports(self, path: str, nodes: Collection[ast.AST]) -> Iterator[int]:
        """Yield the lines that import from the resource, or read it from an imported module."""
        targets: dict[str, str] = {}
        from_star: set[object] = set()
        for node in nodes:
            for name, target in self._parse_import(node, path):
                targets[name] = target
                if is_star_import(node) and name != "*":
                    from_star.add(name)  # A use only if it is read, or a string in `__all__`.
                elif self.is_object(target):
                    yield getattr(node, "lineno", 1)
        for node in nodes:
            if isinstance(node, ast.Name | ast.Attribute):
                name, _, attributes = get_dotted_name(node).partition(".")
                if name in targets and self.is_in_object(f"{targets[name]}.{attributes}"):
                    yield node.lineno
            elif isinstance(node, ast.Constant) and node.value in from_star:
                yield node.lineno

    def _parse_import(self, node: ast.AST, path: str) -> Iterator[tuple[str, str]]:
        """Yield the names that a statement binds, and the dotted names of the objects."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, alias.name
                if not alias.asname:
                    yield alias.name.partition(".")[0], alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            module = resolve_module(node, path)
            for alias in node.names:
                if alias.name != "*":
                    yield alias.asname or alias.name, f"{module}.{alias.name}"
                else:
                    yield "*", module
                    for target in self.objects:
                        if target.rpartition(".")[0] == module:
                            yield target.rpartition(".")[2], target

    def _find_relations(self, nodes: Collection[ast.AST]) -> Iterator[int]:
        """Yield the lines of strings that SQLAlchemy reads as the name of the model or table."""
        class_name = self.names.class_name
        word = re.compile(rf"\b{class_name}\b")
        named_objects = (self.table, f"getattr {class_name}")
        for node in nodes:
            if not isinstance(node, ast.Call | ast.Subscript | ast.keyword):
                continue
            if is_relation(node):
                texts = find_texts(list(ast.walk(node)))
                yield from (line for line, text in texts if word.search(text))
            elif get_named_object(node) in named_objects:
                yield getattr(node, "lineno", 1)


def find_uses(
    project: Project,
    names: ResourceNames,
    own_files: Collection[str],
    registries: Mapping[str, str] | None = None,
) -> list[str]:
    """Return where other files use a resource, as `path:line`.

    `registries` maps the paths of the registries and of a child's parent to their texts without the
    resource.
    """
    modules = {get_module_name(path) for path in own_files if path.endswith(".py")}
    model = project.models.get(names.class_name)
    table = (model.qualified_table if model else None) or names.plural
    columns = (*BASE_COLUMNS, *(model.columns if model else ()))
    skipped = {
        *own_files,
        *(registries or {}),
        project.get_registry_path("models"),
        project.get_registry_path("routes"),
    }
    files = [path for path in find_source_files(project.root) if path not in skipped]
    trees = {path: parse(project.read(path), path) for path in files if path.endswith(".py")}
    usage = Usage(names, table, columns, modules, list(find_star_imports(trees)))
    uses = []
    for path in files:
        if path in trees:
            line = usage.find_line(path, trees[path])
        else:
            text = (project.root / path).read_bytes().decode(errors="replace")
            offset = usage.find_in_sql(text)
            line = None if offset is None else text.count("\n", 0, offset) + 1
        uses += [f"{path}:{line}"] if line else []
    for path, text in (registries or {}).items():
        if line := usage.find_line(path, parse(text, path)):
            uses.append(f"{path} (`{text.splitlines()[line - 1].strip()}`)")
    return uses


def find_star_imports(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, str]]:
    """Yield the modules with `from … import *`, each with the module that it imports."""
    for path, tree in trees.items():
        for node in walk_module_level(tree):
            if is_star_import(node):
                module = get_module_name(path).removesuffix(PACKAGE_SUFFIX)
                yield module, resolve_module(node, path)


def is_star_import(node: ast.AST) -> TypeGuard[ast.ImportFrom]:
    """Return True for `from … import *`."""
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def find_source_files(root: Path) -> Iterator[str]:
    """Yield the paths of a project's modules, and of SQL files in its folders.

    A folder that cannot be read, such as the data of a container, has no modules of the service.
    """
    skipped = {root / name for name in SKIPPED_FOLDERS}
    folders = [root]
    while folders:
        folder = folders.pop()
        for path in list_folder(folder):
            is_source = path.suffix == ".py" or (path.suffix == ".sql" and folder != root)
            if is_source and path.is_file():
                yield path.relative_to(root).as_posix()
            elif path.is_dir() and path not in skipped and not is_foreign(path):
                folders.append(path)


def list_folder(folder: Path) -> list[Path]:
    """Return the sorted paths in a folder; none if it cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def is_foreign(folder: Path) -> bool:
    """Return True if a folder is hidden, a link, or has the packages of another tool."""
    is_hidden = folder.name.startswith(".") or folder.is_symlink()
    is_package_folder = folder.name == "node_modules" or folder / "pyvenv.cfg" in list_folder(
        folder
    )
    return is_hidden or is_package_folder


def find_texts(nodes: Collection[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield the lines and texts of strings, f-strings and concatenations, without docstrings."""
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    operands = {id(node.left) for node in nodes if isinstance(node, ast.BinOp)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr) or (is_sum(node) and id(node) not in operands):
            yield getattr(node, "lineno", 1), join_text(node)


def is_sum(node: ast.AST) -> bool:
    """Return True for `a + b`."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)


def join_text(node: ast.AST) -> str:
    """Return the text of an expression, with a qualifier in place of each unknown part."""
    parts: list[str] = []
    while isinstance(node, ast.BinOp) and is_sum(node):
        parts.insert(0, join_text(node.right))
        node = node.left
    match node:
        case ast.Constant(value=str(text)):
            return "".join([text, *parts])
        case ast.JoinedStr(values=values):
            return "".join([*map(join_text, values), *parts])
    return "".join([UNKNOWN, *parts])


def get_named_object(node: ast.AST) -> str | None:
    """Return the table that a string argument names, or `getattr` and the attribute; or None."""
    match node:
        case ast.keyword(arg="secondary", value=ast.Constant(value=table)):
            return str(table)
        case ast.Subscript(value=ast.Attribute(attr="tables"), slice=ast.Constant(value=table)):
            return str(table)
        case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]):
            return f"getattr {name}"
        case ast.Call(func=function, args=[ast.Constant(value=table), *_]):
            is_table = get_dotted_name(function).rpartition(".")[2] in ("table", "Table")
            return str(table) if is_table else None
    return None


def is_relation(node: ast.AST) -> bool:
    """Return True for `relationship(…)` and `Mapped[…]`."""
    match node:
        case ast.Call(func=name) | ast.Subscript(value=name):
            return get_dotted_name(name).rpartition(".")[2] in ("relationship", "Mapped")
    return False
