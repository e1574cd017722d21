"""An upgrade as a pull request, conflicts and all: the way of a workflow that nobody watches."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from manage.errors import CommandError
from manage.upgrading.command import bring_in
from manage.upgrading.conflicts import Conflict
from manage.upgrading.github import GitHub
from manage.upgrading.planning import Plan, planned
from manage.upgrading.repository import Repository
from manage.upgrading.running import complaint, uv
from manage.upgrading.upgrade import Upgrade

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
    github.refuse_absent()
    project.refuse_unclean()
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
