"""Record the contracts of docs/reference/what-never-changes.md in docs/reference/contracts/.

Usage: uv run python -m docs.contracts
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from docs.kernel_reference import (
    DOORS,
    REPOSITORY,
    Function,
    is_public,
    list_attributes,
    list_functions,
    list_types,
)
from tests.support.interpreters import lowest
from tests.support.ownership import CLASSES, entry_of
from tests.support.projects import Project
from tests.support.renderings import Rendering, copy_checkout, render
from tests.support.stacks import COVERING_WITH_EXAMPLE, EQUIVALENT, OPPOSITES, Stack

FOLDER = REPOSITORY / "docs" / "reference" / "contracts"
STACKS = COVERING_WITH_EXAMPLE
SETTINGS = "CoreSettings"
APIS = EQUIVALENT[::2]
"""A stack for each API, with the same answers otherwise."""

CONSTANTS = {
    "app/core/http/middleware.py": ("CORRELATION_HEADER", "REQUEST_HEADER"),
    "app/core/models.py": ("NAMING_CONVENTION",),
    "app/core/problems.py": ("MEDIA_TYPE",),
    "app/core/schemas.py": ("MAX_LIMIT", "MAX_OFFSET"),
    "app/core/security/jwt.py": ("ALGORITHM", "REQUIRED_CLAIMS"),
    "app/core/sql/filters.py": ("OPERATORS",),
    "app/core/sql/pagination.py": ("CURSOR_VERSION",),
    "app/core/tenancy/roles.py": ("OWNER_ROLE", "SERVICE_ROLE"),
    "manage/migrations/history.py": ("APPLIED_QUERIES", "HISTORIES"),
}
IMPORT = re.compile(r"^ *from ([\w.]+) import (?:\(([\w\s,]+)\)|([\w, ]+))", re.MULTILINE)
FIXTURE = re.compile(r"^@pytest(?:_asyncio)?\.fixture\b.*\n(?:async )?def ([a-z]\w*)", re.MULTILINE)
ERROR_CLASS = re.compile(r"^class \w+\(\w+Error\):", re.MULTILINE)
TEXTS = {"title", "description", "example", "examples", "summary"}

PRINT_OPENAPI = "import json; from app.main import app; print(json.dumps(app.openapi()))"
PRINT_COMMANDS = """
import typer
from manage.cli import app

def describe(parameter):
    names = "/".join([*parameter.opts, *parameter.secondary_opts])
    if parameter.param_type_name == "argument":
        names = "argument " + names
    if parameter.required:
        names += " (required)"
    if parameter.nargs != 1 or getattr(parameter, "multiple", False):
        names += " (repeatable)"
    if parameter.default not in (None, False):
        names += f" = {parameter.default}"
    if parameter.envvar:
        names += f" (or the variable {parameter.envvar})"
    return names

def walk(command, path):
    print(path)
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            print(f"{path}: {describe(parameter)}")
    for name, subcommand in getattr(command, "commands", {}).items():
        walk(subcommand, f"{path} {name}")

walk(typer.main.get_command(app), "manage")
"""


def build_settings(project: Path) -> Iterator[str]:
    """Yield each setting of the kernel with its type and default."""
    for node in parse(project / "app" / "core" / "config.py").body:
        if isinstance(node, ast.ClassDef) and node.name == SETTINGS:
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    default = f" = {ast.unparse(field.value)}" if field.value else ""
                    name = field.target.id.upper()
                    yield f"{name}: {ast.unparse(field.annotation)}{default}"


def build_error_codes(project: Path) -> Iterator[str]:
    """Yield the code and the status of each error class."""
    classes = {
        node.name: node
        for path in (project / "app").rglob("*.py")
        if ERROR_CLASS.search(path.read_text(encoding="utf-8"))
        for node in parse(path).body
        if isinstance(node, ast.ClassDef)
    }
    for name in classes:
        ancestors = list_ancestors(name, classes)
        if ancestors[-1] == "AppError":
            code, status = (
                next(filter(None, (read_attribute(classes[one], key) for one in ancestors)))
                for key in ("code", "status")
            )
            yield f"{code}: {status}, {name}"


def list_ancestors(name: str, classes: Mapping[str, ast.ClassDef]) -> list[str]:
    """Return a class and its first bases, as far as the project defines them."""
    ancestors: list[str] = []
    while name in classes and name not in ancestors:  # A class may be named like its base.
        ancestors.append(name)
        name = ast.unparse(classes[name].bases[0]) if classes[name].bases else ""
    return ancestors


def read_attribute(node: ast.ClassDef, name: str) -> Any:
    """Return a literal that a class assigns to an attribute, or None."""
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id)], value=ast.Constant(value)) if id == name:
                return value
    return None


def build_kernel(project: Path) -> Iterator[str]:
    """Yield the public names of the kernel's modules, with their signatures."""
    for name in DOORS:
        path = project / "app" / "core" / f"{name}.py"
        if path.exists():
            declarations = list_declarations(path.read_text(encoding="utf-8"))
            yield from (f"{name}: {declaration}" for declaration in declarations)


@cache
def list_declarations(text: str) -> list[str]:
    """Return the types, functions, classes, attributes and methods of a module."""
    module = ast.parse(text)
    functions = [node for node in module.body if isinstance(node, Function)]
    declarations = [
        strip_entry(entry) for entry in [*list_types(module), *list_functions(functions)]
    ]
    for node in module.body:
        if isinstance(node, ast.ClassDef) and is_public(node.name):
            methods = [statement for statement in node.body if isinstance(statement, Function)]
            attributes = [] if node.name == SETTINGS else list_attributes(node)
            entries = [*attributes, *list_functions(methods, node.name)]
            declarations.append(f"{node.name}({', '.join(map(ast.unparse, node.bases))})")
            declarations.extend(f"{node.name}: {strip_entry(entry)}" for entry in entries)
    return declarations


def strip_entry(entry: str) -> str:
    """Return the declaration of a list item of the kernel's reference, without its text."""
    return entry.split("`")[1]


def build_imports(project: Path) -> Iterator[str]:
    """Yield the names that files of one class import from files of another, and all fixtures."""
    for path in project.rglob("*"):
        name = path.relative_to(project).as_posix()
        importer = class_of(name)
        if path.suffix not in (".py", ".jinja") or importer == "vendored":
            continue
        text = path.read_text(encoding="utf-8")
        for module, imported in list_imports(text):
            source = class_of_module(project, f"{module}.{imported}")
            source = source or class_of_module(project, module)
            if source and source != importer:
                yield f"{importer} imports {source}: {module}.{imported}"
        if name.startswith("tests/support/"):
            yield from (f"fixture: {fixture}" for fixture in FIXTURE.findall(text))


@cache
def list_imports(text: str) -> list[tuple[str, str]]:
    """Return the modules and names that a module, or a template of one, imports."""
    return [
        (module, alias.split()[0])
        for module, block, line in IMPORT.findall(text)
        for alias in (block or line).split(",")
        if alias.strip()
    ]


@cache
def class_of_module(project: Path, module: str) -> str | None:
    """Return the class of a module of the project, or None for a library."""
    path = module.replace(".", "/")
    places = (f"{path}.py", f"{path}/__init__.py")
    return next((class_of(place) for place in places if (project / place).exists()), None)


def build_files(project: Path) -> Iterator[str]:
    """Yield managed and vendored places, and the files to edit and migrations as rendered."""
    for name in ("managed", "vendored"):
        yield from (f"{name}: {place}" for place in CLASSES[name])
    for path in project.rglob("*"):
        name = path.relative_to(project).as_posix()
        kind = class_of(name)
        if path.is_file() and (kind in ("owned", "shared") or name.startswith("migrations/")):
            yield f"{kind}: {name}"


@cache
def class_of(path: str) -> str | None:
    """Return the class of a path in the map of ownership."""
    entry = entry_of(path)
    return next((kind for kind, entries in CLASSES.items() if entry in entries), None)


def build_constants(project: Path) -> Iterator[str]:
    """Yield values that clients and databases know: headers, operators, claims, version tables."""
    for name, constants in CONSTANTS.items():
        if (project / name).exists():
            for node in parse(project / name).body:
                match node:
                    case (
                        ast.Assign(targets=[ast.Name(id)], value=value)
                        | ast.AnnAssign(target=ast.Name(id), value=ast.expr() as value)
                    ) if id in constants:
                        yield from (f"{id}: {text}" for text in list_values(value))


def list_values(value: ast.expr) -> Iterator[str]:
    """Yield the literals of a constant; for functions by name, only the names."""
    match value:
        case ast.Dict(keys=keys, values=values):
            for key, item in zip(keys, values, strict=True):
                shown = f" = {ast.unparse(item)}" if isinstance(item, ast.Constant) else ""
                yield f"{ast.unparse(key) if key else ''}{shown}"
        case ast.List(elts=items):
            yield from map(ast.unparse, items)
        case _:
            yield ast.unparse(value)


def build_commands(project: Path) -> Iterator[str]:
    """Yield each command with its arguments and options."""
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PRINT_COMMANDS],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    yield from done.stdout.splitlines()


def parse(path: Path) -> ast.Module:
    """Parse a file; most files are the same in several stacks."""
    return parse_text(path.read_text(encoding="utf-8"))


@cache
def parse_text(text: str) -> ast.Module:
    """Parse the text of a module."""
    return ast.parse(text)


STATIC: dict[str, Callable[[Path], Iterable[str]]] = {
    "commands": build_commands,
    "constants": build_constants,
    "error-codes": build_error_codes,
    "files": build_files,
    "imports": build_imports,
    "kernel": build_kernel,
    "settings": build_settings,
}
"""The contracts that a rendered project shows without its packages."""


def build_http(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the operations, schemas and security schemes of an OpenAPI document."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from (f"{method.upper()} {path}: {one}" for one in describe_operation(operation))
    components = document["components"]
    for name, schema in components["schemas"].items():
        if "properties" not in schema:
            yield f"schema {name}: {describe_schema(schema)}"
        for key, value in schema.get("properties", {}).items():
            required = ", required" if key in schema.get("required", ()) else ""
            yield f"schema {name}: {key}: {describe_schema(value)}{required}"
    for name, scheme in components["securitySchemes"].items():
        kept = {key: value for key, value in scheme.items() if key not in TEXTS}
        yield f"security {name}: {json.dumps(kept, sort_keys=True)}"


def describe_operation(operation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of an operation."""
    yield f"operation {operation['operationId']}"
    schemes = sorted(name for scheme in operation.get("security", ()) for name in scheme)
    yield f"security {', '.join(schemes) or 'none'}"
    for parameter in operation.get("parameters", ()):
        required = ", required" if parameter.get("required") else ""
        schema = describe_schema(parameter["schema"])
        yield f"{parameter['in']} {parameter['name']}: {schema}{required}"
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"body {media_type}: {describe_schema(content['schema'])}"
    for status, response in operation["responses"].items():
        yield f"{status} {describe_response(response)}".strip()


def describe_response(response: Mapping[str, Any]) -> str:
    """Return the schema of a response, the codes of its errors, and its headers."""
    contents = response.get("content", {}).values()
    schemas = [describe_schema(content.get("schema", {})) for content in contents]
    codes = [code for content in contents for code in content.get("examples", ())]
    headers = [f"header {name}" for name in response.get("headers", ())]
    return ", ".join([*schemas, *sorted(codes), *sorted(headers)])


def describe_schema(schema: Mapping[str, Any]) -> str:
    """Return a JSON schema in one line, without its texts."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    rest = {key: value for key, value in schema.items() if key not in TEXTS}
    if options := rest.pop("anyOf", None):
        name = " | ".join(map(describe_schema, options))
    elif "items" in rest:
        name = f"list[{describe_schema(rest.pop('items'))}]"
        rest.pop("type", None)
    else:
        name = str(rest.pop("type", "any"))
    details = ", ".join(f"{key}={json.dumps(rest[key], sort_keys=True)}" for key in sorted(rest))
    return f"{name} ({details})" if details else name


def merge(lines: Mapping[Stack, Iterable[str]]) -> str:
    """Return all lines, sorted; one that only some stacks have ends with their answers."""
    stacks: dict[str, list[Stack]] = {}
    for stack, texts in lines.items():
        for text in set(texts):
            stacks.setdefault(text, []).append(stack)
    return "".join(f"{text}{describe_answers(stacks[text], lines)}\n" for text in sorted(stacks))


def describe_answers(having: Iterable[Stack], stacks: Iterable[Stack]) -> str:
    """Return the answers that these stacks have in common and others do not."""
    answers = []
    for name in Stack().answers:
        values = {str(stack.answers[name]).lower() for stack in having}
        if len(values) < len({stack.answers[name] for stack in stacks}):
            answers.append(f"{name}={values.pop()}")
    return f"  # {', '.join(answers)}" if answers else ""


def build_static(name: str, render: Callable[[Stack], Rendering]) -> str:
    """Return the text of a contract that rendered projects show."""
    stacks = OPPOSITES if name == "commands" else STACKS  # Each needs a process.
    return merge({stack: STATIC[name](render(stack).path) for stack in stacks})


def print_openapi(folder: Path, render: Callable[[Stack], Rendering]) -> Iterator[dict[str, Any]]:
    """Yield the OpenAPI document of each API; one environment suffices for all."""
    first = Project(render(APIS[0]).path)
    first.sync(folder)
    python = str(first.path / ".venv" / "bin" / "python")
    for stack in APIS:
        yield json.loads(Project(render(stack).path, lowest()).run(python, "-c", PRINT_OPENAPI))


def main() -> None:
    """Render projects from the working tree and record their contracts."""
    with tempfile.TemporaryDirectory() as name:
        folder, renderings = Path(name), {}
        copy_checkout(REPOSITORY, folder / "checkout")
        for stack in {*STACKS, *APIS}:
            renderings[stack] = render(folder / "checkout", folder / str(stack), stack.answers)
        FOLDER.mkdir(exist_ok=True)
        for contract in STATIC:
            write(contract, build_static(contract, renderings.__getitem__))
        documents = print_openapi(folder, renderings.__getitem__)
        write("http", merge(dict(zip(APIS, map(build_http, documents), strict=True))))
    print(f"Wrote {FOLDER.relative_to(REPOSITORY)}/")


def write(contract: str, text: str) -> None:
    """Write the file of a contract."""
    (FOLDER / f"{contract}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
