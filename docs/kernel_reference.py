"""Write docs/reference/kernel.md from the docstrings and signatures of the kernel.

Usage: uv run python -m docs.kernel_reference
"""

import ast
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.renderings import copy, copy_checkout

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "reference" / "kernel.md"
ANSWERS = {"multi_tenancy": True}
DOORS = (
    *("models", "schemas", "tables", "repository", "service", "errors", "problems", "principal"),
    *("routing", "clock", "identifiers", "config", "database", "mail", "logging", "tenants"),
)
HEADING = """\
# The kernel

Your code imports these modules of `app.core`, and no others: the packages behind them (`app.core.sql`, `app.core.http`,
`app.core.security`, `app.core.tenancy`) may change in any release. The page shows an async project with tenants. In a sync
project there is no `async`; without tenants there is no `app.core.tenants`.

`uv run python -m docs.kernel_reference` generates this page from the code.
"""
LONGEST_DEFAULT = 40
HIDDEN = {"overload", "field_validator", "model_validator"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def build_page(project: Path) -> str:
    """Return the page for a rendered project."""
    modules = {name: parse_module(project, name) for name in DOORS}
    rows = [
        f"| [`app.core.{name}`](#appcore{name}) | {summary(module)} |"
        for name, module in modules.items()
    ]
    table = "\n".join(["| module | contents |", "|---|---|", *rows])
    sections = [describe_module(name, module) for name, module in modules.items()]
    return "\n\n".join([HEADING.rstrip(), table, *sections]) + "\n"


def parse_module(project: Path, name: str) -> ast.Module:
    """Parse a module of the kernel without importing it."""
    path = project / "app" / "core" / f"{name}.py"
    if not path.exists():
        path = path.with_suffix("") / "__init__.py"
    return ast.parse(path.read_text(encoding="utf-8"))


def describe_module(name: str, module: ast.Module) -> str:
    """Return the section of a module: its types, functions and classes, in the order of the file."""
    parts = [f"## `app.core.{name}`", summary(module)]
    functions = [node for node in module.body if isinstance(node, Function)]
    if entries := "\n".join([*list_types(module), *list_functions(functions)]):
        parts.append(entries)
    for node in module.body:
        if isinstance(node, ast.ClassDef) and is_public(node.name):
            parts.extend(describe_class(node))
    return "\n\n".join(parts)


def describe_class(node: ast.ClassDef) -> Iterator[str]:
    """Yield the heading, the first paragraph and the members of a class."""
    bases = ", ".join(map(ast.unparse, node.bases))
    yield f"### `{node.name}({bases})`" if bases else f"### `{node.name}`"
    if text := summary(node):
        yield text
    methods = [statement for statement in node.body if isinstance(statement, Function)]
    if entries := "\n".join([*list_attributes(node), *list_functions(methods, node.name)]):
        yield entries


def list_types(module: ast.Module) -> Iterator[str]:
    """Yield an entry for each type that a module defines by assignment."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value) if is_type(name, value):
                yield f"- `{name} = {ast.unparse(value)}`"


def is_type(name: str, value: ast.expr) -> bool:
    """Return True for a public type; type variables and constants are left out."""
    is_camel_case = name[0].isupper() and not name.isupper()
    return is_camel_case and not ast.unparse(value).startswith("TypeVar(")


def list_attributes(node: ast.ClassDef) -> Iterator[str]:
    """Yield an entry for each public attribute, with the docstring that follows it."""
    for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
        match statement:
            case ast.AnnAssign(target=ast.Name(name), annotation=annotation, value=value):
                declaration = f"{name}: {ast.unparse(annotation)}{default_of(value)}"
            case ast.Assign(targets=[ast.Name(name)], value=ast.Constant() as constant):
                declaration = f"{name}{default_of(constant)}"
            case _:
                continue
        if is_public(name):
            yield entry(declaration, first_paragraph(following))


def default_of(value: ast.expr | None) -> str:
    """Return the default of an attribute, if it is a literal or short."""
    text = ast.unparse(value) if value else ""
    is_shown = isinstance(value, ast.Constant) or 0 < len(text) <= LONGEST_DEFAULT
    return f" = {text}" if is_shown else ""


def list_functions(functions: list[Function], owner: str = "") -> Iterator[str]:
    """Yield an entry for each public function; a constructor is listed by the name of its class."""
    for function in functions:
        decorators = {ast.unparse(node).partition("(")[0] for node in function.decorator_list}
        is_constructor = function.name == "__init__"
        if decorators & HIDDEN or not (is_constructor or is_public(function.name)):
            continue
        name = owner if is_constructor else function.name
        yield entry(signature(function, name, decorators, is_method=bool(owner)), summary(function))


def signature(function: Function, name: str, decorators: set[str], *, is_method: bool) -> str:
    """Return the signature without `self`, as a caller sees it."""
    returned = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    if {"property", "cached_property"} & decorators:
        return f"{name}: {returned.removeprefix(' -> ')}"
    arguments = function.args
    if is_method and "staticmethod" not in decorators:
        first = arguments.posonlyargs or arguments.args
        del first[:1]
    kind = "async " if isinstance(function, ast.AsyncFunctionDef) else ""
    returned = "" if function.name == "__init__" else returned
    return f"{kind}{name}({', '.join(list_parameters(arguments))}){returned}"


def list_parameters(arguments: ast.arguments) -> Iterator[str]:
    """Yield the parameters of a function as the formatter writes them."""
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    for parameter, default in zip(
        positional, [*[None] * required, *arguments.defaults], strict=True
    ):
        yield parameter_with(parameter, default)
    if arguments.vararg:
        yield f"*{ast.unparse(arguments.vararg)}"
    elif arguments.kwonlyargs:
        yield "*"
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield parameter_with(parameter, default)
    if arguments.kwarg:
        yield f"**{ast.unparse(arguments.kwarg)}"


def parameter_with(parameter: ast.arg, default: ast.expr | None) -> str:
    """Return a parameter with its default."""
    equals = " = " if parameter.annotation else "="
    return ast.unparse(parameter) + (f"{equals}{ast.unparse(default)}" if default else "")


def entry(declaration: str, text: str) -> str:
    """Return a list item."""
    return f"- `{declaration}`" + (f": {text}" if text else "")


def summary(node: ast.Module | ast.ClassDef | Function) -> str:
    """Return the first paragraph of a docstring, in one line."""
    return first_paragraph(node.body[0])


def first_paragraph(node: ast.stmt | None) -> str:
    """Return the first paragraph of a string that stands as a statement, in one line."""
    match node:
        case ast.Expr(ast.Constant(str(text))):
            return " ".join(text.strip().partition("\n\n")[0].split())
    return ""


def is_public(name: str) -> bool:
    """Return True for a name without a leading underscore that is not Pydantic's or the ORM's."""
    return not name.startswith("_") and name != "model_config"


def main() -> None:
    """Render a project from the working tree and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        checkout, project = Path(folder, "checkout"), Path(folder, "project")
        copy_checkout(REPOSITORY, checkout)
        copy(checkout, project, ANSWERS)
        PAGE.write_text(build_page(project), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
