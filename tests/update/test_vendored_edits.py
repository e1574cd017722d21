"""Edits of vendored files that `manage upgrade` replaces: each can be recovered."""

import subprocess
import sys
from pathlib import Path

import pytest
from chassis_tools.upgrading.command import Outcome, apply_release, prepare_plan
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.upgrade import BACKUPS, Upgrade
from chassis_tools.upgrading.vendored import PATCHES
from manage.errors import CommandError

from tests.support.releases import FIRST, NEXT, GitProject, Template, ThinTemplate
from tests.support.renderings import git

pytestmark = pytest.mark.update

LATER = "v0.0.3"
TOOL = ".chassis/tool.py"
ORIGINAL = "FIRST = 1\n\nSECOND = 2\n"
EDITED = "FIRST = 'ours'\n\nSECOND = 2\n"
ADDED = (".chassis/added.py", ".chassis/package/__init__.py", ".chassis/NOTES.md")


@pytest.fixture(scope="module")
def template(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Three releases: the second changes a vendored file and adds others."""
    template = ThinTemplate(checkout, tmp_path_factory.mktemp("releases") / "template")
    template.add(TOOL, ORIGINAL)
    for name in (".gitignore", ".chassis/answers.json.jinja"):
        template.add(name, (checkout / "template" / name).read_text())
    git(template.path, "tag", "--delete", FIRST)
    template.release(FIRST)
    template.edit(TOOL, "FIRST = 1", "FIRST = 'theirs'")
    for name in ADDED:
        template.add(name, "THEIRS = 1\n")
    template.release(NEXT)
    template.edit(TOOL, "SECOND = 2", "SECOND = 'theirs'")
    for name in ADDED:
        template.edit(name, "1", "2")
    template.release(LATER)
    return template


@pytest.fixture
def project(template: Template, tmp_path: Path) -> GitProject:
    return GitProject.create(template, tmp_path / "project", {})


def upgrade_to(project: GitProject, version: str = NEXT) -> Outcome:
    upgrade = Upgrade(Repository(project.path))
    upgrade.reject_unclean()
    with prepare_plan(project.path, version, ()) as plan:
        return apply_release(upgrade, plan)


def write(project: GitProject, name: str, text: str) -> Path:
    file = project.path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def apply_patches(project: GitProject, outcome: Outcome) -> None:
    """Apply the saved edits to the files of the commit before the upgrade."""
    git(project.path, "add", "--all")
    git(project.path, "restore", "--source=HEAD", "--staged", "--worktree", ".")
    git(project.path, "rm", "-rq", ".chassis")
    write(project, TOOL, ORIGINAL)
    for replacement in outcome.replacements:
        assert replacement.patch
        git(project.path, "apply", replacement.patch.as_posix())


def test_added_files(project: GitProject) -> None:
    for name in ADDED:
        write(project, name, "OURS = 1\n")
    project.commit("Add files")
    outcome = upgrade_to(project)
    assert {replacement.path for replacement in outcome.replacements} == {*ADDED}
    assert {(project.path / name).read_text() for name in ADDED} == {"THEIRS = 1\n"}
    apply_patches(project, outcome)
    assert {(project.path / name).read_text() for name in ADDED} == {"OURS = 1\n"}


def test_older_patches_stay(project: GitProject) -> None:
    write(project, TOOL, EDITED)
    project.commit("Edit")
    upgrade_to(project)
    project.commit("Upgrade")
    project.append(TOOL, "THIRD = 'ours'\n")
    project.commit("Edit again")
    upgrade_to(project, LATER)
    folder = project.path / PATCHES / ".chassis"
    assert {path.name for path in folder.iterdir()} == {"tool.py.patch", "tool.py.2.patch"}
    assert "+FIRST = 'ours'" in (folder / "tool.py.patch").read_text()
    assert "+THIRD = 'ours'" in (folder / "tool.py.2.patch").read_text()


def test_project_in_a_subfolder(template: Template, tmp_path: Path) -> None:
    project = GitProject.create(template, tmp_path / "repository" / "service", {})
    (project.path / ".git").rename(tmp_path / "repository" / ".git")
    write(project, TOOL, EDITED)
    project.commit("Edit")
    outcome = upgrade_to(project)
    assert (project.path / TOOL).read_text() != EDITED
    apply_patches(project, outcome)
    assert (project.path / TOOL).read_text() == EDITED


def test_configuration_of_git(
    project: GitProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the context's size nor a text conversion changes a patch."""
    (tmp_path / "attributes").write_text("*.py diff=upper\n")
    (tmp_path / "gitconfig").write_text(
        f"[core]\nattributesFile = {tmp_path}/attributes\nquotePath = false\n"
        '[diff]\ncontext = 0\n[diff "upper"]\ntextconv = "tr a-z A-Z <"\n'
        "[user]\nname = Team\nemail = team@example.com\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    write(project, "app/größe.py", "")
    write(project, TOOL, EDITED)
    project.commit("Edit")
    apply_patches(project, upgrade_to(project))
    assert (project.path / TOOL).read_text() == EDITED


def test_log_shows_edits(project: GitProject) -> None:
    """The description of a pull request names this command."""
    write(project, TOOL, EDITED)
    project.commit("Edit")
    assert "+FIRST = 'ours'" in git(project.path, "log", "-p", "--text", "-1", "--", TOOL)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [(".chassis/", ADDED[0]), ("package/", ADDED[1]), ("added.py", ADDED[0])],
)
def test_ignored_files_are_rejected(project: GitProject, pattern: str, name: str) -> None:
    (project.path / ".git/info/exclude").write_text(f"{pattern}\n")
    if pattern == ".chassis/":
        git(project.path, "rm", "-r", "--cached", "--quiet", ".chassis")
        project.commit("Remove the tools")
    ours = write(project, name, "OURS = 1\n")
    with pytest.raises(CommandError, match=r"git ignores .* an upgrade could overwrite"):
        upgrade_to(project)
    assert ours.read_text() == "OURS = 1\n"


def test_caches_are_not_rejected(project: GitProject) -> None:
    (project.path / ".git/info/exclude").write_text("cache/\n")
    write(project, ".chassis/cache/CACHEDIR.TAG", "")
    write(project, ".chassis/cache/content.json", "")
    write(project, "app/core/__pycache__/settings.json", "")
    assert upgrade_to(project).conflicts == []


def test_copies_of_ignored_files(project: GitProject) -> None:
    """`--abort` restores them, and the next upgrade keeps the copies of the last one."""
    (project.path / ".git/info/exclude").write_text("NOTES.md\n")
    notes = write(project, ".chassis/NOTES.md", "ours")
    upgrade_to(project)
    assert notes.read_text() == "THEIRS = 1\n"
    Upgrade(Repository(project.path)).abort()
    assert notes.read_text() == "ours"

    upgrade_to(project)
    project.commit("Upgrade")
    upgrade_to(project, LATER)
    copies = [path.read_text() for path in project.path.glob(".local/before-upgrade*/**/NOTES.md")]
    assert sorted(copies) == ["THEIRS = 1\n", "ours"]


@pytest.mark.parametrize("link", [".local", BACKUPS.as_posix(), PATCHES.as_posix()])
def test_links_out_of_the_project(project: GitProject, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    (outside / "before-upgrade").mkdir(parents=True)
    (outside / "before-upgrade" / "precious").touch()
    (project.path / link).parent.mkdir(exist_ok=True)
    (project.path / link).symlink_to(outside)
    write(project, TOOL, EDITED)
    project.commit("Link")
    with pytest.raises(CommandError, match=f"{link} is a symbolic link"):
        upgrade_to(project)
    assert [path.name for path in outside.rglob("*")] == ["before-upgrade", "precious"]


@pytest.mark.parametrize("link", [".chassis", ".chassis/package"])
def test_links_to_folders_of_the_team(project: GitProject, link: str) -> None:
    ours = project.path / "ours"
    if link == ".chassis":
        (project.path / link).rename(ours)
    else:
        write(project, "ours/__init__.py", "OURS = 1\n")
    (project.path / link).symlink_to(ours, target_is_directory=True)
    project.commit("Link")
    before = {path: path.read_bytes() for path in ours.rglob("*") if path.is_file()}
    with pytest.raises(CommandError, match=f"{link} is a symbolic link"):
        upgrade_to(project)
    assert {path: path.read_bytes() for path in ours.rglob("*") if path.is_file()} == before


def test_submodule_with_changes(project: GitProject, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    (other / "__init__.py").write_text("")
    git(other, "add", "--all")
    git(other, "commit", "--quiet", "--message", "Start")
    options = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add")
    git(project.path, *options, str(other), ".chassis/package")
    git(project.path, "config", "--file=.gitmodules", "submodule..chassis/package.ignore", "all")
    project.commit("Add a submodule")
    ours = write(project, ".chassis/package/__init__.py", "OURS = 1\n")
    with pytest.raises(CommandError, match="is not committed"):
        upgrade_to(project)
    assert ours.read_text() == "OURS = 1\n"


def test_unmerged_vendored_files(project: GitProject) -> None:
    """An update with other attributes may merge them; the release's version wins all the same."""
    write(project, TOOL, EDITED)
    project.commit("Edit")
    (project.path / ".git/info/attributes").write_text("*.py diff\n")
    (project.path / ".chassis/.gitattributes").unlink()
    project.commit("Remove the attributes")
    outcome = upgrade_to(project)
    assert outcome.conflicts == []
    assert "theirs" in (project.path / TOOL).read_text()
    assert not git(project.path, "ls-files", "--unmerged")


def test_incomplete_tools() -> None:
    """After a killed upgrade, the command says how to restore the tools that `--abort` needs."""
    tools = Path(__file__).parents[2] / "template"
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import chassis_tools.upgrading\n"
        "sys.modules['chassis_tools.upgrading.upgrade'] = None\n"
        "from chassis_tools.commands import upgrade\n"
        "upgrade(abort=True)\n"
    )
    paths = (str(tools / ".chassis"), str(tools))
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], check=False, capture_output=True, text=True
    )
    assert "run `git restore .chassis`, then `manage upgrade --abort`" in done.stderr
