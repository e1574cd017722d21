"""An upgrade as a pull request on GitHub."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import typer

from chassis_tools.upgrading.command import Outcome, Plan, apply_release, prepare_plan
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.running import extract_error, run_uv
from chassis_tools.upgrading.template import Release, parse_release
from chassis_tools.upgrading.upgrade import Upgrade
from manage.errors import CommandError

REMOTE = "origin"
WORKFLOWS = ".github/workflows/"
BRANCH_PREFIX = "chassis/"
MAX_CHANGELOG_LENGTH = 50_000  # GitHub rejects a text of more than 65,536 characters.
RESOLVE = (
    "Check out this branch, resolve these, run `uv sync` and `uv run manage doctor` until it finds"
    " no errors, commit and push."
)
REPLACED = (
    "The release's version replaces these vendored files; `git log -p --text` on each shows your edit."
    " Move your edits elsewhere."
)
BEFORE_MERGING = "Before you merge, run `uv sync`, `uv run manage migrate apply` and your tests."
# In a pull request, `#1` and `@name` would link to an issue and a user.
MENTION = re.compile(r"([#@])(?=\w)")


@dataclass(frozen=True)
class GitHub:
    """The project's repository on GitHub."""

    repository: Repository

    def reject_missing_gh(self) -> None:
        """Raise CommandError if gh is not installed."""
        if not shutil.which("gh"):
            raise CommandError("gh is not installed: pull requests need it")

    def has_branch(self, branch: str) -> bool:
        """Return True if the branch exists, locally or on the remote."""
        reference = f"refs/heads/{branch}"
        local = self.repository.git("branch", "--list", branch)
        return bool(local or self.repository.git("ls-remote", "--heads", REMOTE, reference))

    def push(self, branch: str) -> None:
        """Push the current branch."""
        try:
            self.repository.git("push", "--quiet", REMOTE, f"HEAD:refs/heads/{branch}")
        except CommandError as error:
            if self.repository.git("diff", "--name-only", "HEAD^", "HEAD", "--", WORKFLOWS):
                raise CommandError(
                    f"{error}; this release changes {WORKFLOWS}, which needs a token with the"
                    " permission `workflows`: store one as the secret UPGRADE_TOKEN, or run"
                    " `manage upgrade` yourself"
                ) from error
            raise

    def open(self, branch: str, base: str, title: str, body: str, *, draft: bool) -> str:
        """Open a pull request and return its URL; delete the branch on failure."""
        create = ("pr", "create", "--head", branch, "--base", base, "--title", title)
        try:
            return self._create(*create, "--body-file", "-", body=body, draft=draft)
        except CommandError:
            self.repository.git("push", "--quiet", REMOTE, "--delete", f"refs/heads/{branch}")
            raise

    def close_older(self, release: Release, prefix: str) -> None:
        """Close open pull requests for older releases; keep their branches."""
        comment = f"Replaced by the pull request for {release.tag}; this branch is kept."
        fields = "--limit=1000", "--json=number,headRefName,isCrossRepository"
        for request in json.loads(self._gh("pr", "list", "--state=open", *fields)):
            branch = request["headRefName"]
            version = branch.startswith(prefix) and parse_release(branch.removeprefix(prefix))
            if version and version < release.version and not request["isCrossRepository"]:
                self._gh("pr", "close", str(request["number"]), "--comment", comment)

    def _create(self, *arguments: str, body: str, draft: bool) -> str:
        if draft:
            try:
                return self._gh(*arguments, "--draft", text=body)
            except CommandError as error:  # Some plans have no drafts in private repositories.
                if "Draft pull requests are not supported" not in str(error):
                    raise
        return self._gh(*arguments, text=body)

    def _gh(self, *arguments: str, text: str = "") -> str:
        process = subprocess.run(  # noqa: S603 (no shell)
            ["gh", *arguments],  # noqa: S607
            cwd=self.repository.root,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            lines = process.stderr.strip().splitlines() or ["it failed"]
            raise CommandError(f"gh {' '.join(arguments[:2])}: {lines[-1]}")
        return process.stdout.strip()


@dataclass(frozen=True)
class Proposal:
    """An applied upgrade that a pull request proposes."""

    plan: Plan
    outcome: Outcome
    problem: str
    """The reason why the packages cannot be locked, or an empty string."""

    @property
    def title(self) -> str:
        """The title of the pull request."""
        title = f"Upgrade the template to {self.plan.release.tag}"
        if count := len(self.outcome.conflicts):
            return f"{title}: {count} {'file needs' if count == 1 else 'files need'} a decision"
        return f"{title}: packages need a fix" if self.problem else title

    @property
    def body(self) -> str:
        """The text of the pull request: the open decisions, then the changelog."""
        parts = [f"From {self.plan.recorded.version} to {self.plan.release.tag}."]
        if self.outcome.conflicts:
            files = "\n".join(f"- `{file.path}`: {file.remedy}" for file in self.outcome.conflicts)
            parts += ["## Decisions", files, RESOLVE]
        elif self.problem:
            parts += ["## Packages to fix", self.problem]
        if self.outcome.replacements:
            files = "\n".join(f"- `{file.path}`" for file in self.outcome.replacements)
            parts += ["## Replaced edits", files, REPLACED]
        changelog = MENTION.sub("\\1\u200b", self.plan.changelog)
        return "\n\n".join([*parts, BEFORE_MERGING, changelog[:MAX_CHANGELOG_LENGTH]])

    @property
    def is_draft(self) -> bool:
        """True if the pull request cannot be merged yet."""
        return bool(self.outcome.conflicts or self.problem)


def propose_upgrade(upgrade: Upgrade, version: str | None) -> None:
    """Upgrade on a new branch and open a pull request, unless the branch already exists."""
    github = GitHub(upgrade.repository)
    github.reject_missing_gh()
    upgrade.reject_unclean()
    base = upgrade.repository.get_branch()
    root = upgrade.repository.root
    with prepare_plan(root, version, ()) as plan:
        branch = BRANCH_PREFIX + plan.release.tag
        if github.has_branch(branch):
            typer.echo(f"The branch {branch} already exists; delete it to get a new pull request.")
            return
        outcome = apply_release(upgrade, plan)
    problem = "" if outcome.conflicts else update_lock(root)
    open_pull_request(github, Proposal(plan, outcome, problem), branch, base)


def update_lock(root: Path) -> str:
    """Update uv.lock; return the error, or an empty string.

    This process has a token, so it runs no code of the release; `doctor.yml` checks the branch.
    """
    process = run_uv(root, "lock", "--quiet", "--no-build")
    return extract_error(process.stderr) if process.returncode else ""


def open_pull_request(github: GitHub, proposal: Proposal, branch: str, base: str) -> None:
    """Commit, push, open a pull request, and close older ones."""
    commit(github.repository, branch, proposal.title)
    try:
        github.push(branch)
        title, body = proposal.title, proposal.body
        typer.echo(github.open(branch, base, title, body, draft=proposal.is_draft))
    except CommandError:
        github.repository.git("switch", "--quiet", base)
        github.repository.git("branch", "--quiet", "--delete", "--force", branch)
        raise
    github.close_older(proposal.plan.release, BRANCH_PREFIX)


def commit(repository: Repository, branch: str, message: str) -> None:
    """Commit the upgrade on a new branch."""
    repository.git("add", "--all", ".")
    repository.git("switch", "--quiet", "--create", branch)
    # Hooks could reject the conflict markers that reviewers must see.
    repository.git("commit", "--quiet", "--no-verify", "--message", message)
