"""Edits that a team makes to a project over years, and checks that they survive updates."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from chassis_tools.upgrading.files import Owner, find_owner

from tests.support.releases import GitProject, Template, classes, comment
from tests.support.renderings import git

# Paths of both layouts.
DELETED = (
    "tests/core/test_mail.py",
    "tests/auth/test_api_key_routes.py",
    "tests/routes/test_api_key.py",
    "tests/articles/test_routes.py",
    "tests/routes/test_article.py",
)
RENAMED = {
    "tests/core/test_logging.py": "tests/core/test_log.py",
    "tests/users/test_routes.py": "tests/users/test_accounts.py",
    "tests/routes/test_user.py": "tests/routes/test_accounts.py",
    "tests/articles/factory.py": "tests/articles/making.py",
    "tests/factories/article.py": "tests/factories/making.py",
}
KERNEL = (
    "app/core/errors.py",
    "app/core/http/health.py",
    "manage/seed.py",
    "tests/support/client.py",
)
REFORMATTED = ("app/seed.py", "app/emails.py", "app/core/logging.py")
OTHER_SETTINGS = ("line-length=79", "format.quote-style='single'")
CRLF = ("README.md", "app/main.py", "app/core/http/openapi.py")
# Edits of the template's own lines, which conflict with its changes.
MAY_CONFLICT = {*KERNEL, *REFORMATTED, *CRLF}


class Edits:
    """Edits of a project's files; each leaves a token that is looked up later."""

    def __init__(self, project: GitProject, template: Template) -> None:
        self.project = project
        self.owners = owners(template.path)
        self.traces: list[tuple[str, str]] = []
        self.gone: set[str] = set()
        self.yours: dict[str, bytes] = {}

    def make(self) -> None:
        """Edit all of the team's files and some of the template's, and commit."""
        files = self.project.files()
        self.delete(name for name in DELETED if name in files)
        for old in sorted(RENAMED.keys() & files.keys()):
            self.rename(old, RENAMED[old])
        for name in (*self.owned(), *KERNEL, *REFORMATTED, *CRLF):
            self.edit(name)
        self.reformat(REFORMATTED)
        for name in CRLF:
            self.turn_to_crlf(name)
        self.commit()

    def owned(self) -> list[str]:
        """Return the team's files that can hold a comment."""
        files = self.project.files()
        texts = [name for name in files if files[name] and not name.endswith((".json", ".lock"))]
        return [name for name in texts if find_owner(name, self.owners) == "owned"]

    def edit(self, name: str, *, line: str = "", after: str = "") -> None:
        """Add a comment, or a line with one, at the end or after another line."""
        token = f"edit {len(self.traces)} of the team"
        text = comment(self.project.path / name, token)
        self.project.append(name, f"{line}  {text}\n" if line else f"\n\n{text}\n", after=after)
        self.traces.append((name, token))

    def write(self, name: str, text: str) -> None:
        """Create or overwrite a file."""
        (self.project.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.project.path / name).write_text(text)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            (self.project.path / name).unlink()
            self.gone.add(name)

    def rename(self, old: str, new: str) -> None:
        git(self.project.path, "mv", old, new)
        self.gone.add(old)
        self.edit(new)

    def reformat(self, names: Iterable[str]) -> None:
        """Format files with other settings than the template's."""
        settings = [f"--config={setting}" for setting in OTHER_SETTINGS]
        command = [sys.executable, "-m", "ruff", "format", "--isolated", "--quiet", *settings]
        subprocess.run([*command, *names], cwd=self.project.path, check=True)

    def turn_to_crlf(self, name: str) -> None:
        path = self.project.path / name
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def commit(self) -> None:
        """Commit, and record the team's own files."""
        self.project.commit("Edits")
        files = self.project.files().items()
        self.yours = {
            name: text
            for name, text in files
            if find_owner(name, self.owners) == "owned" and name != "uv.lock"
        }

    def losses(self) -> list[str]:
        """List edits that an update lost; conflicts keep both sides and do not count."""
        files = self.project.files()
        return [
            *(
                f"{name} was written"
                for name, text in self.yours.items()
                if files.get(name) != text
            ),
            *(f"{name} came back" for name in sorted(self.gone & files.keys())),
            *(
                f"{name} lost {token}"
                for name, token in self.traces
                if token.encode() not in files.get(name, b"")
            ),
        ]


def owners(template: Path) -> dict[str, Owner]:
    """Return the owner of each path."""
    return {path: cast(Owner, name) for name, paths in classes(template).items() for path in paths}
