"""The project on GitHub: branches by git, pull requests by GitHub's program `gh`."""

import json
import shutil
import subprocess
from dataclasses import dataclass

from manage.errors import CommandError
from manage.upgrading.repository import Repository
from manage.upgrading.template import Release, released_as

REMOTE = "origin"
WORKFLOWS = ".github/workflows/"


@dataclass(frozen=True)
class GitHub:
    """Where the project is pushed to."""

    repository: Repository

    def refuse_absent(self) -> None:
        """Stop where no pull request could be opened."""
        if not shutil.which("gh"):
            raise CommandError("gh is not installed: pull requests are opened by it")

    def has(self, branch: str) -> bool:
        """Whether the branch is there, here or pushed."""
        reference = f"refs/heads/{branch}"
        here = self.repository.git("branch", "--list", branch)
        return bool(here or self.repository.git("ls-remote", "--heads", REMOTE, reference))

    def push(self, branch: str) -> None:
        """Push the branch that is checked out."""
        try:
            self.repository.git("push", "--quiet", REMOTE, f"HEAD:refs/heads/{branch}")
        except CommandError as error:
            if self.repository.git("diff", "--name-only", "HEAD^", "HEAD", "--", WORKFLOWS):
                raise CommandError(
                    f"{error}; this release changes {WORKFLOWS}, which only a token with the"
                    " permission `workflows` may: give the secret UPGRADE_TOKEN one, or run"
                    " `manage upgrade` yourself"
                ) from error
            raise

    def open(self, branch: str, base: str, title: str, body: str, *, draft: bool) -> str:
        """Open a pull request, or have no branch; returns its address."""
        create = ("pr", "create", "--head", branch, "--base", base, "--title", title)
        try:
            return self._create(*create, "--body-file", "-", body=body, draft=draft)
        except CommandError:
            self.repository.git("push", "--quiet", REMOTE, "--delete", f"refs/heads/{branch}")
            raise

    def close_older(self, release: Release, prefix: str) -> None:
        """Close the open pull requests that offer older releases; their branches stay."""
        comment = f"{release.tag} is offered instead; this branch stays."
        wanted = "--limit=1000", "--json=number,headRefName,isCrossRepository"
        for found in json.loads(self._gh("pr", "list", "--state=open", *wanted)):
            branch = found["headRefName"]
            version = branch.startswith(prefix) and released_as(branch.removeprefix(prefix))
            if version and version < release.version and not found["isCrossRepository"]:
                self._gh("pr", "close", str(found["number"]), "--comment", comment)

    def _create(self, *arguments: str, body: str, draft: bool) -> str:
        if draft:
            try:
                return self._gh(*arguments, "--draft", text=body)
            except CommandError as error:  # Private repositories have none in some plans.
                if "Draft pull requests are not supported" not in str(error):
                    raise
        return self._gh(*arguments, text=body)

    def _gh(self, *arguments: str, text: str = "") -> str:
        done = subprocess.run(  # noqa: S603 (a list of ours, no shell)
            ["gh", *arguments],  # noqa: S607
            cwd=self.repository.root,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            told = done.stderr.strip().splitlines() or ["it failed"]
            raise CommandError(f"gh {' '.join(arguments[:2])}: {told[-1]}")
        return done.stdout.strip()
