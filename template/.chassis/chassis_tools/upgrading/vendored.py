"""Vendored files: an upgrade restores the release's version and saves edits as patches."""

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from chassis_tools.upgrading.files import (
    find_owner,
    is_covered,
    normalize,
    read_normalized,
    read_owners,
)
from chassis_tools.upgrading.repository import Repository

PATCHES = Path(".local", "upgrade-patches")
EXECUTABLE = 0o111


@dataclass(frozen=True)
class Replacement:
    """An edited or deleted vendored file that the upgrade replaced."""

    path: str
    patch: Path | None
    """The saved edit, relative to the project; None if the team had deleted the file."""


def list_vendored(root: Path) -> set[str]:
    """List the vendored entries of a project's ownership map."""
    return {path for path, owner in read_owners(root).items() if owner == "vendored"}


def restore_release(rendered: Path, root: Path) -> None:
    """Write every vendored file as the release has it, including its mode."""
    owners = read_owners(rendered)
    for path in list_files(rendered):
        if find_owner(path, owners) == "vendored" and not is_same(rendered / path, root / path):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            # Not overwritten: it may be a symbolic link that leads out of the project.
            target.unlink(missing_ok=True)
            shutil.copy(rendered / path, target)


def save_edits(
    repository: Repository, rendered: Path, entries: Collection[str]
) -> Iterator[Replacement]:
    """Save the edits of replaced files, and yield these files.

    An edit is the difference between the rendered old release and the last commit.
    """
    committed = set(repository.list_committed())
    for path in list_files(rendered):
        if not any(is_covered(path, entry) for entry in entries):
            continue
        file = repository.root / path
        if path not in committed:
            if file.exists():
                yield Replacement(path, None)
            continue
        content = repository.read_committed(path)
        is_edited = normalize(content) != read_normalized(rendered / path)
        if is_edited and not (file.is_file() and read_normalized(file) == normalize(content)):
            yield Replacement(path, save_patch(repository.root, path, rendered, content))


def save_patch(root: Path, path: str, rendered: Path, content: bytes) -> Path:
    """Save the difference between an old release's file and its edit; return the patch's path."""
    patch = PATCHES / f"{path}.patch"
    (root / patch).parent.mkdir(parents=True, exist_ok=True)
    # The patch names the files as on git's command line: `a/…` and `b/…`.
    scratch = rendered.parent / "patches"
    for side, text in (("a", (rendered / path).read_bytes()), ("b", content)):
        (scratch / side / path).parent.mkdir(parents=True, exist_ok=True)
        (scratch / side / path).write_bytes(text)
    options = ("--no-index", "--no-prefix", "--text", "--no-color", "--no-ext-diff")
    output = f"--output={root.absolute() / patch}"
    Repository(scratch).git("diff", *options, output, f"a/{path}", f"b/{path}", accepted=(0, 1))
    return patch


def list_files(rendered: Path) -> list[str]:
    """List the paths of the rendered files."""
    files = sorted(path for path in rendered.rglob("*") if path.is_file())
    return [path.relative_to(rendered).as_posix() for path in files]


def is_same(file: Path, other: Path) -> bool:
    """Return True if both are regular files with the same content and executable bits."""
    if other.is_symlink() or not other.is_file() or file.read_bytes() != other.read_bytes():
        return False
    # Windows has no executable bits.
    return os.name == "nt" or not ((file.stat().st_mode ^ other.stat().st_mode) & EXECUTABLE)
