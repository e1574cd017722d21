"""The template's releases, and the answers that a project recorded."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from chassis_tools.upgrading.repository import Repository
from manage.errors import CommandError

ANSWERS_FILE = ".copier-answers.yml"
RENDERED_ANSWERS = ".chassis/answers.json"
SHORTHANDS = {"gh:": "https://github.com/{}.git", "gl:": "https://gitlab.com/{}.git"}
CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")
SECTION = re.compile(r"^## \[(?P<version>[^\]]+)\].*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Release:
    """A version and its git tag."""

    version: Version
    tag: str


class Template:
    """A bare clone of the template's repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    @classmethod
    def clone(cls, source: str, folder: Path) -> "Template":
        """Clone the template into an empty folder."""
        folder.mkdir(parents=True, exist_ok=True)
        repository = Repository(folder)
        try:
            repository.git("clone", "--quiet", "--bare", "--", expand_source(source), ".")
        except CommandError as error:
            url = CREDENTIALS.sub("", source)
            raise CommandError(f"The template {url} cannot be fetched: {error}") from error
        return cls(repository)

    def list_releases(self) -> list[Release]:
        """List all releases, oldest first."""
        tags = self._repository.git("tag", "--list").split()
        releases = [Release(version, tag) for tag in tags if (version := parse_release(tag))]
        return sorted(releases, key=lambda release: release.version)

    def get_release(self, version: str | None) -> Release:
        """Return the release of a version or tag; for None, the newest final release."""
        releases = self.list_releases()
        if version is None:
            final = [release for release in releases if not release.version.is_prerelease]
            if not final:
                raise CommandError("The template has no release yet")
            return final[-1]
        for release in releases:
            if version in (release.tag, str(release.version)):
                return release
        newest = ", ".join(release.tag for release in releases[-5:]) or "none"
        raise CommandError(f"The template has no release {version}; the newest are: {newest}")

    def read_changelog(self, after: Version, until: Release) -> str:
        """Return the changelog sections after a version up to a release, newest first."""
        try:
            text = self._repository.git("show", f"{until.tag}:CHANGELOG.md")
        except CommandError:
            return ""
        sections = [
            match[0].strip()
            for match in SECTION.finditer(text)
            if (version := parse_version(match["version"])) and after < version <= until.version
        ]
        return "\n\n".join(sections).encode(errors="surrogateescape").decode(errors="replace")


@dataclass(frozen=True)
class Answers:
    """The answers that Copier recorded in a project."""

    source: str
    """The address of the template."""
    version: str
    """The release's tag, or a commit after a release, as in `v0.1.0-3-gabc1234`."""
    values: dict[str, Any]

    @property
    def last_release(self) -> Version:
        """The release of the version, or the last release before its commit."""
        return parse_version(self.version) or Version("0")

    def contains(self, answers: Mapping[str, str]) -> bool:
        """Return True if these answers are already recorded."""
        return all(str(self.values.get(name)).lower() == answers[name].lower() for name in answers)

    def as_rendered(self, root: Path) -> "Answers":
        """Return the answers that the project was rendered with, even if they were edited since."""
        return replace(self, values=self.values | read_rendered_answers(root))

    @classmethod
    def read(cls, root: Path) -> "Answers":
        """Read the answers that Copier recorded in a project."""
        import yaml

        try:
            recorded = yaml.safe_load((root / ANSWERS_FILE).read_text(encoding="utf-8"))
            values = {name: value for name, value in recorded.items() if name[0] != "_"}
            source, version = recorded["_src_path"], recorded["_commit"]
        except FileNotFoundError:
            raise CommandError(f"{ANSWERS_FILE} is missing: restore it from git") from None
        except (yaml.YAMLError, KeyError, AttributeError):
            raise CommandError(f"{ANSWERS_FILE} is damaged: restore it from git") from None
        if not (isinstance(source, str) and isinstance(version, str)):
            raise CommandError(f"{ANSWERS_FILE} is damaged: restore it from git")
        return cls(source, version, values)


def read_rendered_answers(root: Path) -> dict[str, Any]:
    """Read the answers of the last rendering."""
    try:
        answers: dict[str, Any] = json.loads((root / RENDERED_ANSWERS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{RENDERED_ANSWERS} cannot be read: restore it from git") from error
    return answers


def expand_source(source: str) -> str:
    """Expand Copier's shorthands for GitHub and GitLab to URLs."""
    for shorthand, url in SHORTHANDS.items():
        if source.startswith(shorthand):
            return url.format(source.removeprefix(shorthand).removesuffix(".git"))
    return source.removeprefix("git+")


def parse_release(tag: str) -> Version | None:
    """Return the version of a release's tag; None for any other tag."""
    version = parse_version(tag)
    if version is None or version.epoch or version.local or tag != f"v{version}":
        return None
    return version


def parse_version(tag: str) -> Version | None:
    """Return the version of a tag, or None; a commit after a release has the release's version."""
    try:
        return Version(re.sub(r"-\d+-g[0-9a-f]+$", "", tag))
    except InvalidVersion:
        return None
