"""The history that projects were rendered from: all listed releases and the working tree."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from releasing.releases import REPOSITORY, Release, read
from tests.support.releases import Template
from tests.support.renderings import copy_working_tree, git

RELEASES = read()
# The tag of the working tree, newer than all releases, because `manage upgrade` needs one.
WORKING_TREE = "v9999.0"


class History(Template):
    """A repository with a tag for each release and the working tree as its last commit."""

    def __init__(
        self, path: Path, repository: Path = REPOSITORY, releases: Sequence[Release] = RELEASES
    ) -> None:
        self.path = path
        git(
            path.parent,
            "clone",
            "--quiet",
            "--no-tags",
            "--no-checkout",
            str(repository),
            str(path),
        )
        for release in releases:
            tag(path, release)
        copy_working_tree(repository, path)
        git(path, "add", "--all")
        git(path, "commit", "--quiet", "--allow-empty", "--message", "Working tree")
        git(path, "tag", WORKING_TREE)


def tag(path: Path, release: Release) -> None:
    """Create the annotated tag of a release."""
    try:
        git(path, "tag", "--annotate", "--message", str(release), release.tag, release.commit)
    except subprocess.CalledProcessError as error:
        raise LookupError(
            f"{release} is commit {release.commit} in releases.yml, which this clone does not have:"
            " fetch the whole history by `git fetch --unshallow`"
        ) from error
