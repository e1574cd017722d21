"""The project's git repository."""

import os
import subprocess
from collections.abc import Collection
from pathlib import Path

from manage.errors import CommandError

# What a release writes must not run in passing: no hooks, and no program that watches files.
QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "core.hooksPath",
    "GIT_CONFIG_VALUE_0": os.devnull,
    "GIT_CONFIG_KEY_1": "core.fsmonitor",
    "GIT_CONFIG_VALUE_1": "false",
}


class Repository:
    """Asks git about the project; paths are relative to it, wherever the repository starts."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        """What git prints; its complaint is the error."""
        try:
            done = subprocess.run(  # noqa: S603 (a list of ours, no shell)
                ["git", *arguments],  # noqa: S607
                cwd=self.root,
                env={**os.environ, **QUIET},
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                check=False,
            )
        except FileNotFoundError:
            raise CommandError("git is not installed: upgrades need it") from None
        if done.returncode:
            told = (done.stderr or done.stdout).strip().splitlines() or ["git failed"]
            raise CommandError(f"git {arguments[0]}: {told[-1].removeprefix('fatal: ')}")
        return done.stdout

    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD").strip()

    def branch(self) -> str:
        """The branch that is checked out."""
        if not (name := self.git("branch", "--show-current").strip()):
            raise CommandError("No branch is checked out: `git switch` to the one to upgrade")
        return name

    def changed(self) -> list[str]:
        """What differs from that commit, files that git does not know included."""
        listed = self.git(
            "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "."
        )
        prefix = self.git("rev-parse", "--show-prefix").strip()
        return [entry[3:].removeprefix(prefix) for entry in listed.split("\0") if entry]

    def ignored(self) -> list[str]:
        """The files that git leaves alone, and the folders, which end with a slash."""
        options = ("--others", "--ignored", "--exclude-standard", "--directory", "-z")
        return list(filter(None, self.git("ls-files", *options).split("\0")))

    def unwatched(self) -> list[str]:
        """The files whose changes git was told not to look for."""
        listed = self.git("ls-files", "-v", "-z").split("\0")
        told = {entry[2:] for entry in listed if entry[:1] == "S" or entry[:1].islower()}
        return sorted(path for path in told if (self.root / path).exists())

    def tracked(self) -> list[str]:
        """Every file of the project that git knows."""
        return list(filter(None, self.git("ls-files", "-z").split("\0")))

    def cloned(self, folder: Path) -> "Repository":
        """A copy of the last commit, to try things in."""
        top = Path(self.git("rev-parse", "--show-toplevel").strip())
        inner = self.git("rev-parse", "--show-prefix").strip()
        self.git("clone", "--quiet", str(top), str(folder))
        return Repository(folder / inner)

    def bring_back(self, paths: Collection[str]) -> None:
        """Make files as the last commit has them, or delete those that it has not."""
        committed = self.git("ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0")
        known = sorted({*committed, *self.tracked()}.intersection(paths))
        if known:
            self.git(
                "--literal-pathspecs", "restore", "--source=HEAD", "--staged", "--worktree", *known
            )
        for path in {*paths}.difference(known):
            self.remove(path)

    def put_away(self, message: str) -> None:
        """Have everything as the last commit has it, and the rest in git's stash."""
        self.git("add", "--all", ".")  # Nothing can be stashed while files are unmerged.
        self.git("stash", "push", "--quiet", "--message", message, "--", ".")

    def remove(self, path: str) -> None:
        """Delete a file, and the folders that it leaves empty."""
        file = self.root / path
        file.unlink(missing_ok=True)
        for folder in file.parents:
            if folder == self.root or any(folder.iterdir()):
                break
            folder.rmdir()

    def unmerged(self) -> list[str]:
        """The files that a merge has left in two versions."""
        listed = self.git("ls-files", "--unmerged", "-z").split("\0")
        return sorted({entry.partition("\t")[2] for entry in listed if entry})
