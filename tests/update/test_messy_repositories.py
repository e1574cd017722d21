"""`manage upgrade` in repositories as teams have them: other folders, settings, links and edits."""

from pathlib import Path

import pytest
from chassis_tools.upgrading.command import Outcome, apply_release, prepare_plan
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.upgrade import LINK, STATE, Upgrade
from chassis_tools.upgrading.vendored import PATCHES, Replacement
from manage.errors import CommandError

from tests.support.releases import FIRST, NEXT, GitProject, Template, ThinTemplate
from tests.support.renderings import git

pytestmark = pytest.mark.update

MODULE = "app/core/errors.py"
COMMAND = "manage/tool.py"
ORIGINAL = "FIRST = 1\n\nSECOND = 2\n\nTHIRD = 3\n"
EDITED = ORIGINAL.replace("3", "'ours'")
MERGED = EDITED.replace("1", "'theirs'")
NEW = "app/core/credentials/keys.py"
IDENTITY = "[user]\nname = Team\nemail = team@example.com\n"
SETTINGS = {
    "attributes": "[core]\nattributesFile = {folder}/attributes\n",
    "ignored files": "[core]\nexcludesFile = {folder}/excludes\n",
    "untracked files": "[status]\nshowUntrackedFiles = no\n",
    "names": "[core]\nquotePath = false\n",
    "prefixes": "[diff]\nnoprefix = true\nmnemonicPrefix = true\nrenames = copies\n",
    "signatures": "[commit]\ngpgSign = true\n[gpg]\nprogram = false\n",
    "default branch": "[init]\ndefaultBranch = ours\n",
}


@pytest.fixture(scope="module")
def template(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Two releases: the second changes a module and adds another."""
    template = ThinTemplate(checkout, tmp_path_factory.mktemp("releases") / "template")
    for name in (MODULE, COMMAND):
        template.add(name, ORIGINAL)
    for name in (".gitignore", ".chassis/answers.json.jinja"):
        template.add(name, (checkout / "template" / name).read_text())
    git(template.path, "tag", "--delete", FIRST)
    template.release(FIRST)
    for name in (MODULE, COMMAND):
        template.edit(name, "FIRST = 1", "FIRST = 'theirs'")
    template.add(NEW, "KEYS = 1\n")
    template.release(NEXT)
    return template


@pytest.fixture
def project(template: Template, tmp_path: Path) -> GitProject:
    """Return a project in a folder of a larger repository, with an edit that merges."""
    project = GitProject.create(template, tmp_path / "repository" / "service", {})
    (project.path / ".git").rename(tmp_path / "repository" / ".git")
    (project.path / MODULE).write_text(EDITED)
    sibling = tmp_path / "repository" / "sibling"
    sibling.mkdir()
    for name in ("changed.py", "removed.py"):
        (sibling / name).write_text("ours\n")
    git(tmp_path / "repository", "add", "--all")
    git(tmp_path / "repository", "commit", "--quiet", "--message", "Edit")
    (sibling / "changed.py").write_text("not committed\n")
    (sibling / "removed.py").unlink()
    (sibling / "changed.py.rej").write_text("left over\n")
    return project


def read_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts and ".local" not in path.parts
    }


def upgrade(project: GitProject) -> Outcome:
    command = Upgrade(Repository(project.path))
    command.reject_unclean()
    with prepare_plan(project.path, None, ()) as plan:
        return apply_release(command, plan)


def abort(project: GitProject) -> None:
    Upgrade(Repository(project.path)).abort()


def test_other_folders_are_not_touched(project: GitProject) -> None:
    root = project.path.parent
    before, status = read_files(root), git(root, "status", "--porcelain")
    assert upgrade(project).conflicts == []
    after = read_files(root)
    assert after[f"service/{MODULE}"] == MERGED.encode()
    assert {name for name in before if before[name] != after.get(name)} == {
        f"service/{name}" for name in (MODULE, COMMAND, ".copier-answers.yml")
    }
    abort(project)
    assert read_files(root) == before
    assert git(root, "status", "--porcelain") == status
    assert not git(root, "stash", "list")


def test_other_folders_of_a_sparse_checkout_stay_away(project: GitProject) -> None:
    root = project.path.parent
    git(root, "checkout", "--quiet", "--force", "HEAD")
    (root / "sibling/changed.py.rej").unlink()
    git(root, "sparse-checkout", "set", "service")
    assert not (root / "sibling").exists()
    upgrade(project)
    assert (project.path / MODULE).read_text() == MERGED
    assert not (root / "sibling").exists()
    abort(project)
    assert not (root / "sibling").exists()


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_settings_of_git(
    project: GitProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    (tmp_path / "attributes").write_text("*.py -diff -merge\n")
    (tmp_path / "excludes").write_text("*.py\n*.yml\n")
    (tmp_path / "gitconfig").write_text(IDENTITY + settings.format(folder=tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert upgrade(project).conflicts == []
    assert (project.path / MODULE).read_text() == MERGED
    assert (project.path / NEW).read_text() == "KEYS = 1\n"
    abort(project)
    assert (project.path / MODULE).read_text() == EDITED
    assert not (project.path / NEW).exists()


def test_line_endings_of_a_checkout(project: GitProject) -> None:
    """A file with CRLF in the working tree, and LF in git, keeps CRLF."""
    root = project.path.parent
    (project.path / ".gitattributes").write_text("* text=auto\n")
    git(root, "commit", "--quiet", "--message", "Attributes", "service/.gitattributes")
    git(root, "config", "core.autocrlf", "true")
    (project.path / MODULE).unlink()
    git(project.path, "checkout", "--quiet", "--", MODULE)
    assert b"\r\n" in (project.path / MODULE).read_bytes()
    upgrade(project)
    assert (project.path / MODULE).read_bytes() == MERGED.replace("\n", "\r\n").encode()


def test_new_file_that_git_ignores(project: GitProject, capsys: pytest.CaptureFixture[str]) -> None:
    with (project.path / ".gitignore").open("a") as file:
        file.write("credentials/\n")
    git(project.path, "commit", "--quiet", "--message", "Ignore", ".gitignore")
    upgrade(project)
    assert f"`git add --force`, if you need them\n  {NEW}\n" in capsys.readouterr().out
    assert (project.path / NEW).exists()
    abort(project)
    assert not (project.path / NEW).exists()


@pytest.mark.parametrize("link", [MODULE, "app/core"])
def test_change_behind_a_link_is_left_out(project: GitProject, tmp_path: Path, link: str) -> None:
    """Nothing is written through it, neither by Copier nor by the upgrade."""
    target = tmp_path / "elsewhere"
    (project.path / link).rename(target)
    (project.path / link).symlink_to(target)
    git(project.path, "add", "--all", ".")
    git(project.path, "commit", "--quiet", "--message", "Link")
    before = read_files(target) if target.is_dir() else target.read_text()
    conflicts = upgrade(project).conflicts
    assert {conflict.remedy for conflict in conflicts} == {LINK}
    assert {conflict.path for conflict in conflicts} == (
        {MODULE} if link == MODULE else {MODULE, NEW}
    )
    assert (read_files(target) if target.is_dir() else target.read_text()) == before
    assert (project.path / link).is_symlink()


def test_conflict(project: GitProject) -> None:
    """The file is unmerged in git's index, as after a merge, and can be restored."""
    text = ORIGINAL.replace("1", "'ours'")
    (project.path / MODULE).write_text(text)
    git(project.path, "commit", "--quiet", "--message", "Edit", MODULE)
    [conflict] = upgrade(project).conflicts
    assert conflict.path == MODULE
    assert git(project.path, "ls-files", "--unmerged").count(MODULE) == 3
    abort(project)
    assert (project.path / MODULE).read_text() == text
    assert not git(project.path, "ls-files", "--unmerged")


def test_command_that_does_not_merge(project: GitProject) -> None:
    """The release's file is written, because the command must start; the edit is saved."""
    (project.path / COMMAND).write_text(ORIGINAL.replace("1", "'ours'"))
    git(project.path, "commit", "--quiet", "--message", "Edit", COMMAND)
    outcome = upgrade(project)
    patch = PATCHES / f"{COMMAND}.patch"
    assert outcome == Outcome([], [Replacement(COMMAND, patch)])
    assert (project.path / COMMAND).read_text() == ORIGINAL.replace("1", "'theirs'")
    assert "+FIRST = 'ours'" in (project.path / patch).read_text()
    assert not git(project.path, "ls-files", "--unmerged")


@pytest.mark.parametrize("state", ["", "{", '{"head": "x"}', "[]"])
def test_torn_state(project: GitProject, state: str) -> None:
    (project.path / STATE).parent.mkdir(exist_ok=True)
    (project.path / STATE).write_text(state)
    for command in (upgrade, abort):
        with pytest.raises(CommandError, match=r"upgrade\.json cannot be read"):
            command(project)
