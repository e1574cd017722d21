"""The template's releases, and the answers that a project recorded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from chassis_tools.upgrading.repository import Repository
from manage.errors import CommandError

SHORTHANDS = {"gh:": "https://github.com/{}.git", "gl:": "https://gitlab.com/{}.git"}
CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")
SECTION = re.compile(r"^## \[(?P<version>[^\]]+)\].*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Release:
    """A version, and the tag in git that it has."""

    version: Version
    tag: str


class Template:
    """A clone of the template's repository, without its files."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    @classmethod
    def clone(cls, source: str, folder: Path) -> "Template":
        """Fetch the template into an empty folder."""
        folder.mkdir(parents=True, exist_ok=True)
        repository = Repository(folder)
        try:
            repository.git("clone", "--quiet", "--bare", "--", url_of(source), ".")
        except CommandError as error:
            named = CREDENTIALS.sub("", source)
            raise CommandError(f"The template {named} cannot be fetched: {error}") from error
        return cls(repository)

    def releases(self) -> list[Release]:
        """Every release, the oldest first."""
        tags = self._repository.git("tag", "--list").split()
        found = [Release(version, tag) for tag in tags if (version := released_as(tag))]
        return sorted(found, key=lambda release: release.version)

    def release(self, wanted: str | None) -> Release:
        """The release of that version, or the newest that is no pre-release."""
        releases = self.releases()
        if wanted is None:
            final = [one for one in releases if not one.version.is_prerelease]
            if not final:
                raise CommandError("The template has no release yet")
            return final[-1]
        for release in releases:
            if wanted in (release.tag, str(release.version)):
                return release
        known = ", ".join(release.tag for release in releases[-5:]) or "none"
        raise CommandError(f"The template has no release {wanted}; the newest are: {known}")

    def changes(self, after: Version, until: Release) -> str:
        """The sections of the changelog between two versions, the newest first."""
        try:
            text = self._repository.git("show", f"{until.tag}:CHANGELOG.md")
        except CommandError:
            return ""
        told = [
            match[0].strip()
            for match in SECTION.finditer(text)
            if (version := version_of(match["version"])) and after < version <= until.version
        ]
        return "\n\n".join(told).encode(errors="surrogateescape").decode(errors="replace")


def url_of(source: str) -> str:
    """What git fetches; Copier has short names for two hosts."""
    for short, url in SHORTHANDS.items():
        if source.startswith(short):
            return url.format(source.removeprefix(short).removesuffix(".git"))
    return source.removeprefix("git+")


def released_as(tag: str) -> Version | None:
    """The version of which this is the tag."""
    version = version_of(tag)
    if version is None or version.epoch or version.local or tag != f"v{version}":
        return None
    return version


def version_of(tag: str) -> Version | None:
    """A tag's version; None if it is none. What was rendered between releases counts as the last."""
    try:
        return Version(re.sub(r"-\d+-g[0-9a-f]+$", "", tag))
    except InvalidVersion:
        return None


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
