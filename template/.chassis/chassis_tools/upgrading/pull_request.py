"""An upgrade offered as a pull request on GitHub."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from chassis_tools.upgrading.command import Plan, bring_in, planned
from chassis_tools.upgrading.files import Conflict
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.running import complaint, uv
from chassis_tools.upgrading.template import Release, released_as
from chassis_tools.upgrading.upgrade import Upgrade
from manage.errors import CommandError

REMOTE = "origin"
WORKFLOWS = ".github/workflows/"


@dataclass(frozen=True)
class GitHub:
    """Where the project is pushed to."""

    repository: Repository

    def reject_absent(self) -> None:
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


PREFIX = "chassis/"
LONGEST_CHANGES = 50_000  # GitHub refuses a text of more than 65,536 characters.
DECIDE = (
    "Check out this branch, decide, run `uv sync` and `uv run manage doctor` until it finds no"
    " errors, commit and push."
)
BEFORE_MERGING = "Before you merge: `uv sync`, `uv run manage migrate apply`, and your tests."
# In a pull request `#1` and `@name` would mean an issue and a person of this project.
MENTION = re.compile(r"([#@])(?=\w)")


@dataclass(frozen=True)
class Proposal:
    """An upgrade that was carried out, for people to look at."""

    plan: Plan
    conflicts: Sequence[Conflict]
    problem: str
    """Why its packages cannot be locked, if they cannot."""

    @property
    def title(self) -> str:
        """What it is called in a list."""
        title = f"Upgrade the template to {self.plan.release.tag}"
        if self.conflicts:
            count = len(self.conflicts)
            return f"{title}: {count} {'file needs' if count == 1 else 'files need'} a decision"
        return f"{title}: it needs mending" if self.problem else title

    @property
    def body(self) -> str:
        """What is to be decided, and what is new."""
        parts = [f"From {self.plan.recorded.version} to {self.plan.release.tag}."]
        if self.conflicts:
            files = "\n".join(f"- `{one.path}`: {one.remedy}" for one in self.conflicts)
            parts += ["## To be decided", files, DECIDE]
        elif self.problem:
            parts += ["## To be mended", self.problem]
        changes = MENTION.sub("\\1\u200b", self.plan.changes)
        return "\n\n".join([*parts, BEFORE_MERGING, changes[:LONGEST_CHANGES]])

    @property
    def is_draft(self) -> bool:
        """Whether it cannot be merged as it is."""
        return bool(self.conflicts or self.problem)


def propose_upgrade(project: Upgrade, wanted: str | None) -> None:
    """Upgrade on a branch of its own and open a pull request, unless that branch is there."""
    github = GitHub(project.repository)
    github.reject_absent()
    project.reject_unclean()
    base = project.repository.branch()
    root = project.repository.root
    with planned(root, wanted, ()) as plan:
        branch = PREFIX + plan.release.tag
        if github.has(branch):
            typer.echo(f"The branch {branch} offers it; delete it to have it offered again.")
            return
        conflicts = bring_in(project, plan)
    offer(github, Proposal(plan, conflicts, "" if conflicts else lock(root)), branch, base)


def lock(root: Path) -> str:
    """Note which packages are wanted now; what prevents it.

    Nothing of the release runs here, where a token may be in reach: `doctor.yml` examines it.
    """
    done = uv(root, "lock", "--quiet", "--no-build")
    return complaint(done.stderr) if done.returncode else ""


def offer(github: GitHub, proposal: Proposal, branch: str, base: str) -> None:
    """Commit, push, open a pull request, and close those that it replaces."""
    commit(github.repository, branch, proposal.title)
    try:
        github.push(branch)
        title, body = proposal.title, proposal.body
        typer.echo(github.open(branch, base, title, body, draft=proposal.is_draft))
    except CommandError:
        github.repository.git("switch", "--quiet", base)
        github.repository.git("branch", "--quiet", "--delete", "--force", branch)
        raise
    github.close_older(proposal.plan.release, PREFIX)


def commit(repository: Repository, branch: str, message: str) -> None:
    """Commit the upgrade on a new branch."""
    repository.git("add", "--all", ".")
    repository.git("switch", "--quiet", "--create", branch)
    # No hooks: they would refuse the conflicts, which are to be seen.
    repository.git("commit", "--quiet", "--no-verify", "--message", message)
