"""Vendored files: an upgrade restores the release's version and saves edits as patches."""

import itertools
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


def restore_release(rendered: Path, root: Path, others: Collection[str] = ()) -> None:
    """Write vendored and other files as the release has them, including their modes."""
    owners = read_owners(rendered)
    for path in list_files(rendered):
        is_restored = path in others or find_owner(path, owners) == "vendored"
        if is_restored and not is_same(rendered / path, root / path):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            # Not overwritten: it may be a symbolic link that leads out of the project.
            target.unlink(missing_ok=True)
            shutil.copy(rendered / path, target)


def find_linked_folder(root: Path) -> str | None:
    """Return a symbolic link to a folder, in or above a vendored folder; None if there is none."""
    for entry in sorted(list_vendored(root)):
        path = root / entry
        for part in (path, *path.parents):
            if part == root:
                break
            if part.is_symlink() and part.is_dir():
                return part.relative_to(root).as_posix()
        for folder, names, _ in os.walk(path):
            for name in names:
                if Path(folder, name).is_symlink():
                    return Path(folder, name).relative_to(root).as_posix()
    return None


def save_edits(
    repository: Repository, old: Path, new: Path, entries: Collection[str]
) -> Iterator[Replacement]:
    """Save the edits of replaced files, and yield these files.

    An edit is the difference between the rendered old release and the last commit. A file that
    the team added at the path of a new vendored file is an edit, too.
    """
    committed = set(repository.list_committed())
    for path in sorted({*list_files(old), *list_files(new)}):
        if not any(is_covered(path, entry) for entry in entries):
            continue
        file = repository.root / path
        if path not in committed:
            if file.exists() and (old / path).exists():
                yield Replacement(path, None)
            continue
        content = repository.read_committed(path)
        released = (old / path).read_bytes() if (old / path).exists() else None
        is_edited = released is None or normalize(content) != normalize(released)
        if is_edited and not (file.is_file() and read_normalized(file) == normalize(content)):
            scratch = old.parent / "patches"
            yield Replacement(path, save_patch(repository, path, released, content, scratch))


def save_patch(
    repository: Repository, path: str, released: bytes | None, edited: bytes, scratch: Path
) -> Path:
    """Save the difference between a release's file, if it has one, and its edit as a new patch.

    Return the patch's path, relative to the project.
    """
    patch = find_unused(repository.root, PATCHES / f"{path}.patch")
    (repository.root / patch).parent.mkdir(parents=True, exist_ok=True)
    # The patch names the files as on git's command line: `a/…` and `b/…`.
    name = f"{repository.get_prefix()}{path}"
    sides = {f"a/{name}": released, f"b/{name}": edited}
    for side, content in sides.items():
        if content is not None:
            (scratch / side).parent.mkdir(parents=True, exist_ok=True)
            (scratch / side).write_bytes(content)
    files = (side if content is not None else os.devnull for side, content in sides.items())
    # Independent of the user's git configuration and attributes.
    options = ("--no-index", "--no-prefix", "--unified=3", "--text", "--no-textconv")
    output = ("--no-color", "--no-ext-diff", f"--output={repository.root.absolute() / patch}")
    Repository(scratch).git("diff", *options, *output, *files, accepted=(0, 1))
    return patch


def find_unused(root: Path, path: Path) -> Path:
    """Return the path, with a number if it exists: `name.2.suffix`, `name.3.suffix` …."""
    numbered = (path.with_suffix(f".{number}{path.suffix}") for number in itertools.count(2))
    return next(
        candidate
        for candidate in itertools.chain([path], numbered)
        if not os.path.lexists(root / candidate)
    )


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
