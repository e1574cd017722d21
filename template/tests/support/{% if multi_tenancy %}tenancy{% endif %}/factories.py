"""The project's factories, which create rows of resources without routes."""

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from app.core.models import Base


class Factory(NamedTuple):
    """A function `make_…` and the table of the row that it creates."""

    table: str
    make: Callable[..., Any]

    @property
    def needs_owner(self) -> bool:
        """True if the row belongs to a user."""
        return "owner" in inspect.signature(self.make).parameters


def find_factories() -> Iterator[Factory]:
    """Yield the factories of the project's models, those of referenced tables first."""
    models = {mapper.local_table: mapper.class_ for mapper in Base.registry.mappers}
    for table in Base.metadata.sorted_tables:
        if table in models and (make := find_factory(models[table])):
            yield Factory(table.name, make)


def find_factory(model: type[Base]) -> Callable[..., Any] | None:
    """Return the function that creates an entity of the model, in either layout, or None."""
    package, _, last = model.__module__.removeprefix("app.").rpartition(".")
    name = f"tests.factories.{last}" if package == "models" else f"tests.{package}.factory"
    if find_spec(name.rpartition(".")[0]) is None or find_spec(name) is None:
        return None
    functions = inspect.getmembers(import_module(name), inspect.isfunction)
    return next((function for _, function in functions if creates(function, model)), None)


def creates(function: Callable[..., Any], model: type[Base]) -> bool:
    """Return True if a function creates an entity of the model from a store and an owner."""
    parameters = inspect.signature(function).parameters.values()
    required = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]
    returns = function.__annotations__.get("return")
    return returns in (model, model.__name__) and {*required} <= {"store", "owner"}
