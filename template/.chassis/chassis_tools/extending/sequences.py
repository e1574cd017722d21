"""Sequences in the source of a module: entries in brackets, and statements in a block."""

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chassis_tools.scaffolding.entries import Entries
from chassis_tools.scaffolding.source import NotEditableError, Source

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
DefinitionNode = FunctionNode | ast.ClassDef
Node = TypeVar("Node", bound=ast.AST, covariant=True)


@dataclass(frozen=True)
class Item(Generic[Node]):
    """An element of a sequence, with the key that finds it in another version of the sequence."""

    key: tuple[str, int]
    """The name or text of the element, and the number of equal elements before it."""
    node: Node


@dataclass(frozen=True)
class Bracketed:
    """The comma-separated entries of a list, mapping, call, subscript or definition."""

    items: list[Item[ast.AST]]
    entries: Entries


def number_keys(pairs: Iterable[tuple[str, Node]]) -> list[Item[Node]]:
    """Return the elements, with equal keys numbered."""
    counts = Counter[str]()
    items = []
    for key, node in pairs:
        items.append(Item((key, counts[key]), node))
        counts[key] += 1
    return items


def key_statements(statements: Sequence[ast.stmt]) -> list[Item[ast.stmt]]:
    """Return the statements of a block with their keys."""
    return number_keys((get_statement_key(statement), statement) for statement in statements)


def get_statement_key(statement: ast.stmt) -> str:
    """Return the name that a statement binds, or its text; edits rarely change either."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return f"define {name}"
        case ast.AnnAssign(target=target) | ast.Assign(targets=[target]):
            return f"assign {ast.unparse(target)}"
        case ast.ImportFrom(module=module, level=level):
            return f"from {'.' * level}{module or ''}"
        case ast.For(target=target):
            return f"for {ast.unparse(target)}"
        case ast.If(test=test):
            return f"if {ast.unparse(test)}"
        case ast.Return():
            return "return"
    return ast.dump(statement)


def read_brackets(source: Source, node: ast.AST) -> Bracketed | None:
    """Return the entries in a node's brackets; None if the node has none."""
    pairs: list[tuple[str, ast.AST]]
    match node:
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            start = source.get_start(node)
            if source.text[start] not in "[({":
                return None
            bounds = start + 1, source.get_end(node) - 1
            pairs = [(ast.dump(element), element) for element in elements]
        case ast.Dict(keys=keys, values=values):
            bounds = source.get_start(node) + 1, source.get_end(node) - 1
            names = [ast.dump(key) if key else "**" for key in keys]
            pairs = [*zip(names, values, strict=True)]
        case ast.Subscript(value=value, slice=ast.Tuple(elts=elements)):
            bounds = source.text.index("[", source.get_end(value)) + 1, source.get_end(node) - 1
            pairs = [(ast.dump(element), element) for element in elements]
        case ast.Call(func=function, args=arguments, keywords=keywords):
            bounds = source.text.index("(", source.get_end(function)) + 1, source.get_end(node) - 1
            pairs = [(f"argument {index}", value) for index, value in enumerate(arguments)]
            pairs += [(keyword.arg or "**", keyword.value) for keyword in keywords]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            bounds = find_parameters(source, node)
            pairs = [*list_parameters(node.args)]
        case _:
            return None
    entries = Entries(source, *bounds, is_tuple=isinstance(node, ast.Tuple))
    if len(entries) != len(pairs):
        raise NotEditableError(f"line {getattr(node, 'lineno', 1)} has an unsupported format")
    return Bracketed(number_keys(pairs), entries)


def find_parameters(source: Source, function: FunctionNode) -> tuple[int, int]:
    """Return the offsets of a function's parameters, without their parentheses."""
    if getattr(function, "type_params", None):
        raise NotEditableError(f"line {function.lineno} has type parameters")
    start = source.text.index("(", source.get_start(function))
    rows = io.StringIO(source.text[start:], newline="\n")
    lengths = [0]
    depth = 0
    for token in tokenize.generate_tokens(rows.readline):
        while len(lengths) < token.start[0]:
            position = source.text.index("\n", start + lengths[-1]) + 1
            lengths.append(position - start)
        if token.type == tokenize.OP and token.string in "([{)]}":
            depth += 1 if token.string in "([{" else -1
        if depth == 0:
            return start + 1, start + lengths[token.start[0] - 1] + token.start[1]
    raise NotEditableError(f"line {function.lineno} has an unsupported format")


def list_parameters(arguments: ast.arguments) -> Iterable[tuple[str, ast.AST]]:
    """Yield the names and nodes of parameters; the separators `/` and `*` count as one each."""
    positional = [(argument.arg, argument) for argument in arguments.posonlyargs]
    yield from [*positional, ("/", arguments)] if positional else []
    yield from [(argument.arg, argument) for argument in arguments.args]
    if arguments.vararg or arguments.kwonlyargs:
        yield "*", arguments.vararg or ast.Pass()
    yield from [(argument.arg, argument) for argument in arguments.kwonlyargs]
    if arguments.kwarg:
        yield "**", arguments.kwarg
