"""The tests of resources whose tables are there, and the factories that they make rows by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from manage.adoption.resource import ExistingResource
from manage.adoption.rows import Row, ready
from manage.adoption.testing import Factory, Testing
from manage.scaffolding.formatting import Made
from manage.scaffolding.names import ResourceNames, snake_case
from manage.scaffolding.project import (
    Model,
    Project,
    defined,
    factory_module,
    module_name,
    module_path,
    parse,
    place_of,
)
from manage.scaffolding.templates import EXISTING, find_templates, render


@dataclass(frozen=True)
class Suites:
    """The tests of all that is written at once."""

    project: Project
    resources: Sequence[ExistingResource]
    found: Mapping[str, Row]
    """By table, a row that its rules allow."""

    @cached_property
    def rows(self) -> dict[str, Row]:
        """Those of them that tests can make."""
        return ready(self.found, set(self._there))

    @cached_property
    def factories(self) -> dict[str, Factory]:
        """What makes rows, by table."""
        return self._there | {
            one.table.name: Factory(one.names.singular, self._module(one.names))
            for one in self.resources
        }

    def files(self, resource: ExistingResource) -> dict[str, Made]:
        """The texts by path; without a row there is no factory."""
        row = self.rows.get(resource.table.name)
        tests = Testing(resource, row, self.factories)
        context = resource.context() | tests.context()
        factory = module_path(self._module(resource.names))
        folder = self.project.root / "scaffold" / EXISTING
        return {
            template.target: Made(render(template, context), template.name)
            for template in find_templates(folder, resource.names)
            if row or template.target != factory
        }

    @cached_property
    def _there(self) -> dict[str, Factory]:
        schemas = {one.table.schema for one in self.resources}
        models = [one for one in self.project.models.values() if one.schema in schemas]
        return {model.table: factory_of(model) for model in models if self._has_factory(model)}

    def _has_factory(self, model: Model) -> bool:
        singular, module = factory_of(model)
        path = module_path(module)
        if not (self.project.root / path).is_file():
            return False
        return f"make_{singular}" in defined(parse(self.project.read(path), path))

    def _module(self, names: ResourceNames) -> str:
        templates = find_templates(self.project.root / "scaffold", names)
        path = place_of("models", names, [template.target for template in templates])
        return factory_module(module_name(path or ""))


def factory_of(model: Model) -> Factory:
    """What makes its rows, by the rules for names."""
    return Factory(snake_case(model.class_name), factory_module(model.module))
