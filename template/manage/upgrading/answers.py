"""The answers that the project was rendered with, and the template that it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from manage.errors import CommandError
from manage.upgrading.template import version_of

FILE = ".copier-answers.yml"


@dataclass(frozen=True)
class Answers:
    """What Copier has recorded."""

    source: str
    """Where the template is."""
    version: str
    """The release, or the commit with its distance from one, as in `0.1.0-3-gabc1234`."""
    given: dict[str, Any]

    @property
    def last_release(self) -> Version:
        """The release that the version is, or comes after."""
        return version_of(self.version) or Version("0")

    def has(self, answers: Mapping[str, str]) -> bool:
        """Whether these are its answers."""
        return all(str(self.given.get(name)).lower() == answers[name].lower() for name in answers)

    @classmethod
    def read(cls, root: Path) -> "Answers":
        """Those of a project."""
        import yaml

        try:
            recorded = yaml.safe_load((root / FILE).read_text(encoding="utf-8"))
            given = {name: value for name, value in recorded.items() if name[0] != "_"}
            source, version = recorded["_src_path"], recorded["_commit"]
        except FileNotFoundError:
            raise CommandError(f"{FILE} is missing: bring it back from git") from None
        except (yaml.YAMLError, KeyError, AttributeError):
            raise CommandError(f"{FILE} is damaged: bring it back from git") from None
        if not (isinstance(source, str) and isinstance(version, str)):
            raise CommandError(f"{FILE} is damaged: bring it back from git")
        return cls(source, version, given)
