"""The project that is examined."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from manage.upgrading.answers import Answers
from manage.upgrading.repository import Repository
from manage.upgrading.template import Template


@dataclass(frozen=True)
class Subject:
    """A project, a folder for what is made to examine it, and what several checks ask for."""

    root: Path
    scratch: Path

    @property
    def repository(self) -> Repository:
        """The project's history."""
        return Repository(self.root)

    @cached_property
    def recorded(self) -> Answers:
        """What Copier has recorded."""
        return Answers.read(self.root)

    @cached_property
    def clone(self) -> Path:
        """The template, fetched once; by the suffix Copier knows it as a repository."""
        folder = self.scratch / "template.git"
        Template.clone(self.recorded.source, folder)
        return folder

    @property
    def template(self) -> Template:
        """What its clone says of its releases."""
        return Template(Repository(self.clone))
