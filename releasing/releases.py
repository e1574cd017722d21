"""The list of releases, from which tests rebuild the history that projects were rendered from."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[1]
NAME = "releases.yml"


@dataclass(frozen=True)
class Release:
    """A version, and the commit that it is for ever."""

    version: Version
    commit: str

    @property
    def tag(self) -> str:
        """Its tag in git."""
        return f"v{self.version}"

    def __str__(self) -> str:
        return self.tag


def read(repository: Path = REPOSITORY) -> list[Release]:
    """Return the releases, the oldest first."""
    text = (repository / NAME).read_text(encoding="utf-8")
    listed = yaml.load(text, Loader=yaml.BaseLoader) or []  # Has strings alone: 1.10 is no number.
    return [Release(Version(entry["version"]), entry["commit"]) for entry in listed]


def append(repository: Path, release: Release) -> None:
    """Add the newest one."""
    with (repository / NAME).open("a", encoding="utf-8") as file:
        file.write(f"- version: {release.version}\n  commit: {release.commit}\n")
