"""Invented releases of the template, and projects that are updated to them."""

import os
import re
import subprocess
from pathlib import Path

import yaml
from copier import run_update

from tests.support.copier_speed import fast_copier
from tests.support.renderings import copy, git

FIRST, NEXT = "v0.0.1", "v0.0.2"
MARKER = re.compile(rb"^<{7} ", re.MULTILINE)
COMMENTS = {".sql": "--"}


class Template:
    """A repository with the template, whose first release is the checkout."""

    def __init__(self, checkout: Path, path: Path) -> None:
        self.path = path
        git(checkout, "clone", "--quiet", ".", str(path))
        git(path, "tag", FIRST)

    def release(self, version: str) -> None:
        """Commit all changes as a release."""
        git(self.path, "add", "--all")
        git(self.path, "commit", "--quiet", "--message", version)
        git(self.path, "tag", version)

    def find(self, name: str) -> Path:
        """Return the file whose path ends with `name`."""
        folders = (self.path / "template", self.path / "extensions")
        found = [path for folder in folders for path in folder.rglob("*")]
        (path,) = [path for path in found if str(path).endswith((name, f"{name}.jinja"))]
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in the file whose path ends with `name`."""
        path = self.find(name)
        text = path.read_text()
        assert text.count(old) == 1, (name, old)
        path.write_text(text.replace(old, new))

    def add(self, name: str, text: str) -> None:
        """Add a file to what is rendered."""
        path = self.path / "template" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def head_every_file(self, text: str) -> None:
        """Add a comment to the top of each non-empty file that a release may change."""
        for path in (self.path / "template").rglob("*"):
            if path.is_file() and path.stat().st_size and is_changeable(path):
                path.write_text(f"{comment(path, text)}\n{path.read_text()}")


class ThinTemplate(Template):
    """A template with few files, of every ownership class, that renders fast."""

    KEPT = (
        *("_copier_conf", ".gitattributes", ".env.example", "README.md", "pyproject.toml"),
        *("article.", "0001_create_", "app/main.py", "app/seed.py", "app/settings.py", "at.models"),
        *("app/dependencies.py", "app/emails.py", "at.user.models", "client.py", "ownership.json"),
        *(
            "core/errors.py",
            "core/http/health.py",
            "core/logging.py",
            "core/http/openapi.py",
            "core/paths.py",
            "core/security/",
        ),
        *("manage/seed.py", "test_config.py", "test_health.py", "test_logging.py", "test_mail.py"),
    )

    def __init__(self, checkout: Path, path: Path) -> None:
        super().__init__(checkout, path)
        for file in (path / "template").rglob("*"):
            name = file.relative_to(path).as_posix()
            if file.is_file() and not any(kept in name for kept in self.KEPT):
                file.unlink()
        git(path, "tag", "--delete", FIRST)
        self.release(FIRST)


class GitProject:
    """A project in a git repository, and its updates."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(
        cls,
        template: Template,
        path: Path,
        answers: dict[str, str | bool],
        version: str = FIRST,
    ) -> "GitProject":
        """Render and commit a project of a release."""
        copy(template.path, path, answers, version)
        git(path, "init", "--quiet")
        project = cls(path)
        project.commit("Start")
        return project

    def commit(self, message: str) -> None:
        git(self.path, "add", "--all")
        git(self.path, "commit", "--quiet", "--allow-empty", "--message", message)

    def files(self) -> dict[str, bytes]:
        """Return the files that git tracks or would track."""
        listed = git(
            self.path, "ls-files", "--cached", "--others", "--exclude-standard", "-z"
        ).split("\0")
        paths = {name: self.path / name for name in listed if name}
        return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}

    def append(self, name: str, text: str, *, after: str = "") -> None:
        """Add lines as a team would: at the end, or after a line."""
        path = self.path / name
        before = path.read_text()
        head, line, tail = before.partition(after) if after else (before, "", "")
        assert line == after
        path.write_text(f"{head}{line}{text}{tail}")

    def run_command(self, copier: str, version: str) -> None:
        """Run `copier update` with that version of Copier, as it is."""
        program = ("tool", "run", "--quiet", "--from", f"copier=={copier}", "copier")
        done = subprocess.run(
            ["uv", *program, "update", "--defaults", "--vcs-ref", version],
            cwd=self.path,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def run(self, version: str = NEXT, **answers: str | bool) -> None:
        """Run `copier update` without trust."""
        with fast_copier():
            run_update(
                self.path,
                data=answers,
                defaults=True,
                overwrite=True,
                quiet=True,
                unsafe=False,
                vcs_ref=version,
            )

    def conflicts(self) -> list[str]:
        """Return the files with conflicts, which Copier's exit code does not report."""
        unmerged = git(self.path, "ls-files", "--unmerged").splitlines()
        files = self.files()
        rejects = [name for name in files if name.endswith(".rej")]
        marked = [name for name, text in files.items() if MARKER.search(text)]
        return sorted({line.partition("\t")[2] for line in unmerged} | {*rejects, *marked})


def classes(template: Path) -> dict[str, list[str]]:
    """Return the ownership map of a template."""
    loaded: dict[str, list[str]] = yaml.safe_load(
        (template / "extensions/ownership.yml").read_text()
    )
    yours = yaml.safe_load((template / "extensions/owned.yml").read_text())
    return loaded | {"owned": [path.removeprefix("/") for path in yours if path.startswith("/")]}


def comment(path: Path, text: str) -> str:
    """Return a comment in the language of the file."""
    name = re.sub(r"{%.*?%}", "", path.name).removesuffix(".jinja")
    return f"{COMMENTS.get(Path(name).suffix, '#')} {text}"


def is_changeable(path: Path) -> bool:
    """Return True if a release may add a comment: migrations and records never change."""
    is_record = ".json" in path.suffixes or path.name.startswith((".copier", "{{ _copier"))
    return not is_record and path.parent.parent.name != "migrations"


def copier(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Copier's command."""
    return subprocess.run(
        ["copier", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
