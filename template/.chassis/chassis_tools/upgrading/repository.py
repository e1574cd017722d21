"""The project's git repository."""

import os
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

from manage.errors import CommandError

# Code of a release must not run as a side effect: no hooks and no file system monitor.
GIT_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": "3",
    "GIT_CONFIG_KEY_0": "core.hooksPath",
    "GIT_CONFIG_VALUE_0": os.devnull,
    "GIT_CONFIG_KEY_1": "core.fsmonitor",
    "GIT_CONFIG_VALUE_1": "false",
    "GIT_CONFIG_KEY_2": "core.quotePath",  # Copier expects quoted names.
    "GIT_CONFIG_VALUE_2": "true",
}
# Settings of users that would change how Copier and git merge in a scratch folder.
MERGE_SETTINGS = {
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.excludesFile": os.devnull,
    "status.showUntrackedFiles": "all",
    "diff.mnemonicPrefix": "false",
    "diff.noprefix": "false",
    "commit.gpgSign": "false",
}
LINK_MODE = "120000"
NO_REPOSITORY = "not a git repository"


def build_merge_environment() -> dict[str, str]:
    """Return the variables with which git ignores the user's settings in a scratch folder."""
    number = int(GIT_ENVIRONMENT["GIT_CONFIG_COUNT"])
    environment = {"GIT_CONFIG_COUNT": str(number + len(MERGE_SETTINGS))}
    for index, (name, value) in enumerate(MERGE_SETTINGS.items(), number):
        environment[f"GIT_CONFIG_KEY_{index}"] = name
        environment[f"GIT_CONFIG_VALUE_{index}"] = value
    return GIT_ENVIRONMENT | environment


class Repository:
    """Runs git in a folder; paths are relative to it, even if the repository's root is above it."""

    def __init__(self, root: Path, environment: Mapping[str, str] = GIT_ENVIRONMENT) -> None:
        self.root = root
        self.environment = environment

    def git(self, *arguments: str, accepted: Collection[int] = (0,), text: str = "") -> str:
        """Return git's output; raise CommandError with its message on an unaccepted exit code.

        `text` is git's standard input.
        """
        try:
            process = subprocess.run(  # noqa: S603 (no shell)
                ["git", *arguments],  # noqa: S607
                cwd=self.root,
                env={**os.environ, **self.environment, "LC_ALL": "C"},
                input=text.encode("utf-8", "surrogateescape"),
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            raise CommandError("git is not installed: upgrades need it") from None
        # Text mode would change the line endings of files.
        output, errors = (
            stream.decode("utf-8", "surrogateescape") for stream in (process.stdout, process.stderr)
        )
        if process.returncode not in accepted:
            if NO_REPOSITORY in errors:
                raise CommandError(
                    "This project is not in a git repository: run `git init`, `git add --all` and"
                    " `git commit`"
                )
            lines = (errors or output).strip().splitlines() or ["git failed"]
            raise CommandError(f"git {arguments[0]}: {lines[-1].removeprefix('fatal: ')}")
        return output

    def get_head(self) -> str:
        """Return the hash of the last commit."""
        return self.git("rev-parse", "HEAD").strip()

    def get_branch(self) -> str:
        """Return the name of the current branch."""
        if not (name := self.git("branch", "--show-current").strip()):
            raise CommandError("HEAD is detached: `git switch` to the branch to upgrade")
        return name

    def list_changed(self) -> list[str]:
        """List the files that differ from the last commit, including untracked files."""
        options = ("--no-renames", "--untracked-files=all", "--ignore-submodules=none")
        entries = self.git("status", "--porcelain", "-z", *options, ".")
        prefix = self.get_prefix()
        return [entry[3:].removeprefix(prefix) for entry in entries.split("\0") if entry]

    def get_prefix(self) -> str:
        """Return the project's path in the repository: empty, or with a slash at its end."""
        return self.git("rev-parse", "--show-prefix").removesuffix("\n")

    def list_ignored(self) -> list[str]:
        """List the ignored files and folders; folders end with a slash."""
        options = ("--others", "--ignored", "--exclude-standard", "--directory", "-z")
        return split_names(self.git("ls-files", *options))

    def filter_ignored(self, paths: Collection[str]) -> list[str]:
        """Return those of the paths that git ignores and does not track."""
        names = "\0".join(paths)
        return split_names(self.git("check-ignore", "-z", "--stdin", accepted=(0, 1), text=names))

    def list_assumed_unchanged(self) -> list[str]:
        """List existing files marked skip-worktree or assume-unchanged."""
        entries = split_names(self.git("ls-files", "-v", "-z"))
        paths = {entry[2:] for entry in entries if entry[:1] == "S" or entry[:1].islower()}
        return sorted(path for path in paths if (self.root / path).exists())

    def list_tracked(self) -> list[str]:
        """List the files in git's index."""
        return split_names(self.git("ls-files", "-z"))

    def list_links(self) -> list[str]:
        """List the symbolic links in git's index."""
        entries = split_names(self.git("ls-files", "--stage", "-z"))
        return [entry.partition("\t")[2] for entry in entries if entry.startswith(LINK_MODE)]

    def delete_links(self) -> None:
        """Commit the deletion of all symbolic links."""
        if links := self.list_links():
            self.git("--literal-pathspecs", "rm", "--quiet", "--", *links)
            identity = ("-c", "user.name=upgrade", "-c", "user.email=upgrade@localhost")
            self.git(*identity, "commit", "--quiet", "--no-verify", "--message", "Delete links")

    def list_committed(self) -> list[str]:
        """List the files of the last commit."""
        return split_names(self.git("ls-tree", "-r", "-z", "--name-only", "HEAD"))

    def list_unmerged(self) -> list[str]:
        """List the files that a merge left unmerged."""
        entries = split_names(self.git("ls-files", "--unmerged", "-z"))
        return sorted({entry.partition("\t")[2] for entry in entries})

    def read_committed(self, path: str) -> bytes:
        """Return a file's content in the last commit."""
        return self.git("cat-file", "blob", f"HEAD:./{path}").encode("utf-8", "surrogateescape")

    def clone_to(self, folder: Path) -> "Repository":
        """Clone the last commit into a folder."""
        top_level = self.git("rev-parse", "--show-toplevel").strip()
        environment = build_merge_environment()
        scratch = Repository(self.root, environment)
        scratch.git("clone", "--quiet", "--no-recurse-submodules", top_level, str(folder))
        return Repository(folder / self.get_prefix(), environment)

    def restore(self, paths: Collection[str]) -> None:
        """Restore files from the last commit; delete files that it does not contain."""
        tracked = sorted({*self.list_committed(), *self.list_tracked()}.intersection(paths))
        if tracked:
            options = ("--source=HEAD", "--staged", "--worktree")
            self.git("--literal-pathspecs", "restore", *options, *tracked)
        for path in {*paths}.difference(tracked):
            self.remove(path)

    def copy_unmerged(self, other: "Repository") -> None:
        """Mark the files as unmerged that are unmerged in a clone."""
        for entry in split_names(other.git("ls-files", "--unmerged", "-z", "--full-name")):
            details, _, path = entry.partition("\t")
            mode, name, stage = details.split()
            blob = other.git("cat-file", "blob", name)
            copied = self.git("hash-object", "-w", "--stdin", text=blob).strip()
            remove = f"0 {'0' * len(copied)}\t{path}\0" if stage == "1" else ""
            self.git(
                "update-index",
                "-z",
                "--index-info",
                text=f"{remove}{mode} {copied} {stage}\t{path}\0",
            )

    def unstage(self, paths: Collection[str]) -> None:
        """Remove staged and unmerged changes of files from the index, but keep the files."""
        if paths:
            self.git("--literal-pathspecs", "reset", "--quiet", "--", *paths)

    def remove(self, path: str) -> None:
        """Delete a file, and its parent folders if they are then empty."""
        file = self.root / path
        file.unlink(missing_ok=True)
        for folder in file.parents:
            if folder == self.root or any(folder.iterdir()):
                break
            folder.rmdir()


def split_names(output: str) -> list[str]:
    """Split the output of `git … -z` into entries."""
    return list(filter(None, output.split("\0")))
