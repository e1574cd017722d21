"""`manage upgrade` of projects to an invented release."""

import re
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import psutil
import pytest
from chassis_tools.upgrading.command import Outcome, Plan, apply_release, prepare_plan
from chassis_tools.upgrading.repository import Repository
from chassis_tools.upgrading.running import run_uv
from chassis_tools.upgrading.template import Template as Fetched
from chassis_tools.upgrading.upgrade import BACKUPS, Upgrade, list_results
from chassis_tools.upgrading.vendored import PATCHES, Replacement
from manage.errors import CommandError

from tests.support.projects import Project
from tests.support.releases import NEXT, GitProject, Template
from tests.support.renderings import git
from tests.support.stacks import OPPOSITES, Stack, each

pytestmark = pytest.mark.update

NEWS = """\
# Changelog

## [0.0.2]

- Heads.

### When you upgrade

- Read the heads.

## [0.0.1]

- The first one.

### When you upgrade

- Nothing to do.
"""


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    return Template(checkout, tmp_path / "template")


@pytest.fixture
def project(template: Template, shared_path: Path, tmp_path: Path) -> Project:
    """Return a committed and installed project with a newer release available."""
    GitProject.create(template, tmp_path / "project", OPPOSITES[0].answers)
    template.head_every_file("of the next release")
    (template.path / "CHANGELOG.md").write_text(NEWS)
    template.release(NEXT)
    project = Project(tmp_path / "project")
    project.sync(shared_path)
    commit(project, "Lock")
    return project


def commit(project: Project, message: str) -> None:
    git(project.path, "add", "--all")
    git(project.path, "commit", "--quiet", "--message", message)


def changed(project: Project) -> list[str]:
    return git(project.path, "status", "--porcelain").splitlines()


def test_upgrades_and_goes_back(project: Project) -> None:
    before = GitProject(project.path).files()
    rehearsed = project.uv_run("manage", "upgrade", "--dry-run")
    assert GitProject(project.path).files() == before
    assert "- Heads.\n\n### When you upgrade\n\n- Read the heads.\n" in rehearsed
    assert "The first one" not in rehearsed
    assert "Nothing to do." not in rehearsed
    assert "  app/core/errors.py\n" in rehearsed
    assert "  app/main.py\n" not in rehearsed

    said = project.uv_run("manage", "upgrade")
    assert "From v0.0.1 to v0.0.2" in said
    assert b"of the next release" in GitProject(project.path).files()["app/core/errors.py"]
    with pytest.raises(AssertionError, match="An upgrade is in progress"):
        project.uv_run("manage", "upgrade")

    others = ["app/main.py", "app/notes.py"]  # Later edits are not part of the upgrade.
    for name in others:
        with (project.path / name).open("a") as file:
            file.write("# ours\n")
    edited = {name: (project.path / name).read_bytes() for name in others}
    project.uv_run("manage", "upgrade", "--abort")
    assert GitProject(project.path).files() == before | edited
    with pytest.raises(AssertionError, match="No upgrade is in progress"):
        project.uv_run("manage", "upgrade", "--abort")
    git(project.path, "stash", "--include-untracked", "--quiet")

    project.uv_run("manage", "upgrade")
    git(project.path, "reset", "--hard", "--quiet")
    git(project.path, "clean", "-fdq")
    git(project.path, "stash", "pop", "--quiet")
    for options, sentence in (((), "not committed"), (("--abort",), "No upgrade is in progress")):
        with pytest.raises(AssertionError, match=sentence):
            project.uv_run("manage", "upgrade", *options)
    assert GitProject(project.path).files() == before | edited
    git(project.path, "reset", "--hard", "--quiet")
    git(project.path, "clean", "-fdq")
    with pytest.raises(AssertionError, match="No upgrade is in progress"):
        project.uv_run("manage", "upgrade", "--abort")

    project.uv_run("manage", "upgrade", "--to", "0.0.2")
    commit(project, "Upgrade")
    assert "nothing to do" in project.uv_run("manage", "upgrade")
    with pytest.raises(AssertionError, match="The upgrade is already committed"):
        project.uv_run("manage", "upgrade", "--abort")
    with pytest.raises(AssertionError, match=r"is older than v0\.0\.2"):
        project.uv_run("manage", "upgrade", "--to", "v0.0.1")


def test_conflicts_end_it_with_a_list(project: Project) -> None:
    for name in ("app/core/errors.py", "pyproject.toml"):
        path = project.path / name
        path.write_text(f"# ours\n{path.read_text()}")
    commit(project, "Edit the first lines")
    before = GitProject(project.path).files()
    with pytest.raises(AssertionError) as refusal:
        project.uv_run("manage", "upgrade")
    assert "app/core/errors.py: resolve the conflicts marked" in str(refusal.value)
    assert "Error: Files that need a decision: 2" in str(refusal.value)
    [way_back] = re.findall(r"undo the upgrade with `(.+)`", str(refusal.value))
    project.run(*way_back.split())  # Not with uv, which reads pyproject.toml first.
    assert GitProject(project.path).files() == before
    assert changed(project) == []


def test_edits_of_retired_files_stay(template: Template, shared_path: Path, tmp_path: Path) -> None:
    repository = GitProject.create(template, tmp_path / "project", OPPOSITES[0].answers)
    template.path.joinpath("template/tests/core/test_mail.py.jinja").unlink()
    template.path.joinpath("template/tests/core/test_logging.py").unlink()
    template.add("tests/core/test_added.py", "")
    template.release(NEXT)
    project = Project(repository.path)
    project.sync(shared_path)
    repository.append("tests/core/test_mail.py", "# ours\n")
    commit(project, "Edit")
    before = repository.files()
    with pytest.raises(
        AssertionError, match=r"tests/core/test_mail\.py: you edited this file, and"
    ) as refusal:
        project.uv_run("manage", "upgrade")
    assert "  tests/core/test_added.py (new)\n" in str(refusal.value)
    assert "  tests/core/test_logging.py (deleted)\n" in str(refusal.value)
    assert "  tests/core/test_mail.py (deleted)\n" not in str(refusal.value)
    after = repository.files()
    assert after["tests/core/test_mail.py"] == before["tests/core/test_mail.py"]
    assert "tests/core/test_logging.py" not in after


def test_vendored_files_are_replaced(project: Project) -> None:
    """Each edit is saved as a patch, a deleted file comes back, and `--abort` restores the edits."""
    folder = project.path / ".chassis" / "chassis_tools"
    edited, executable, deleted = (
        folder / name for name in ("__init__.py", "commands.py", "scaffolding/words.py")
    )
    original = edited.read_text()
    edited.write_text(original + "# ours")
    executable.chmod(0o755)
    deleted.unlink()
    commit(project, "Edit vendored files")
    before = GitProject(project.path).files()
    names = [path.relative_to(project.path).as_posix() for path in (edited, executable, deleted)]
    patch = project.path / PATCHES / f"{names[0]}.patch"
    lines = [f"  {names[0]} (edit: {PATCHES}/{names[0]}.patch)\n", f"  {names[2]} (was deleted)\n"]

    dry_run = project.uv_run("manage", "upgrade", "--dry-run")
    assert all(line in dry_run for line in lines)
    assert GitProject(project.path).files() == before
    assert not patch.exists()

    output = project.uv_run("manage", "upgrade")
    assert all(line in output for line in lines)
    assert f"{names[1]} (edit" not in output
    assert edited.read_text() == f"# of the next release\n{original}"
    assert deleted.read_text().startswith("# of the next release\n")
    assert not executable.stat().st_mode & 0o111
    assert PATCHES.as_posix() not in "".join(changed(project))

    project.uv_run("manage", "upgrade", "--abort")
    assert GitProject(project.path).files() == before
    assert executable.stat().st_mode & 0o100
    assert changed(project) == []
    edited.write_text(original)
    git(project.path, "apply", patch.relative_to(project.path).as_posix())
    assert edited.read_text() == original + "# ours"


def test_edit_of_a_retired_vendored_file(template: Template, tmp_path: Path) -> None:
    """The file stays deleted and the edit is saved; a file that is not the template's stays."""
    update = GitProject.create(template, tmp_path / "project", OPPOSITES[0].answers)
    template.find("chassis_tools/scaffolding/words.py").unlink()
    template.release(NEXT)
    words = ".chassis/chassis_tools/scaffolding/words.py"
    update.append(words, "# ours\n")
    (update.path / ".chassis/notes.txt").write_text("ours")
    update.commit("Edit")
    before = update.files()
    upgrade = Upgrade(Repository(update.path))

    with prepare_plan(update.path, None, ()) as plan:
        outcome = apply_release(upgrade, plan)

    patch = PATCHES / f"{words}.patch"
    assert outcome == Outcome([], [Replacement(words, patch)])
    assert "+# ours\n" in (update.path / patch).read_text()
    assert words not in update.files()
    assert update.files()[".chassis/notes.txt"] == b"ours"
    upgrade.abort()
    assert update.files() == before


def test_failure_while_vendored_files_are_replaced(
    template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = GitProject.create(template, tmp_path / "project", OPPOSITES[0].answers)
    template.head_every_file("of the next release")
    template.release(NEXT)
    before = update.files()
    upgrade = Upgrade(Repository(update.path))

    def fail(*_: object) -> None:
        raise CommandError("v0.0.2 cannot be rendered")

    monkeypatch.setattr(Plan, "render_new", fail)
    with (
        pytest.raises(CommandError, match=r"cannot be rendered$"),
        prepare_plan(update.path, None, ()) as plan,
    ):
        apply_release(upgrade, plan)
    assert update.files() == before
    assert not upgrade.is_in_progress


def test_refuses(project: Project) -> None:
    before = GitProject(project.path).files()
    for options, sentence in {
        ("--to", "9.9"): "no release 9.9; the newest are: v0.0.1, v0.0.2",
        ("--set", "layout=per-layer"): "layout stays per-entity in this project",
        ("--set", "auth=cookies"): 'auth cannot be "cookies": choose jwt or session',
        ("--set", "colour=red"): "There is no question colour",
        ("--set", "auth"): "--set auth is invalid: write ANSWER=VALUE",
        ("--abort", "--dry-run"): "--abort cannot be combined with other options",
    }.items():
        with pytest.raises(AssertionError, match=sentence) as refusal:
            project.uv_run("manage", "upgrade", *options)
        assert "Traceback" not in str(refusal.value)
        assert GitProject(project.path).files() == before
    (project.path / "notes.txt").touch()
    with pytest.raises(AssertionError, match=r"notes\.txt is not committed"):
        project.uv_run("manage", "upgrade")


@each([OPPOSITES[0]])
def test_changes_an_answer(stack: Stack, project: Project) -> None:
    said = project.uv_run("manage", "upgrade", "--to", "0.0.1", "--set", "auth=session")
    assert said.startswith("At v0.0.1, with auth=session\n")
    assert "  app/core/security/jwt.py (deleted)\n" in said
    assert "auth: session" in (project.path / ".copier-answers.yml").read_text()
    assert not (project.path / "app/core/security/jwt.py").exists()


def test_edits_during_an_upgrade_stay(project: Project) -> None:
    """An edit of a file that the release changes stops the upgrade; any other one stays."""
    upgrade = Upgrade(Repository(project.path))
    notes, errors = project.path / "app" / "main.py", project.path / "app" / "core" / "errors.py"
    before = errors.read_bytes()
    with upgrade.merge(NEXT, {}) as clone:
        errors.write_bytes(before + b"# ours\n")
        edited = GitProject(project.path).files()
        with pytest.raises(CommandError, match=r"app/core/errors\.py"):
            upgrade.carry_over(clone)
        assert GitProject(project.path).files() == edited
        assert not upgrade.is_in_progress

        errors.write_bytes(before)
        notes.write_bytes(b"# ours\n")
        upgrade.carry_over(clone)
    assert notes.read_bytes() == b"# ours\n"
    assert errors.read_text().startswith("# of the next release")
    upgrade.abort()
    assert errors.read_bytes() == before
    assert notes.read_bytes() == b"# ours\n"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(project: Project, sent: signal.Signals) -> None:
    """Only uv receives the signal; the processes below it must end as well."""
    before = GitProject(project.path).files()
    command = ["uv", "run", "--no-sync", "manage", "upgrade"]
    process = subprocess.Popen(  # a shell's background processes ignore SIGINT
        command,
        cwd=project.path,
        env=project.environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, sent, signal.SIG_DFL),  # noqa: PLW1509
    )
    started: list[psutil.Process] = []
    while not any("bin/copier update" in " ".join(words_of(one)) for one in started):
        assert process.poll() is None
        time.sleep(0.05)
        started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + sent
    assert "Nothing was changed" in errors
    assert not any(map(words_of, started))
    assert GitProject(project.path).files() == before
    assert changed(project) == []


def words_of(process: psutil.Process) -> list[str]:
    """Return the command of a process, or an empty list if it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_ignored_file_in_the_way(project: Project) -> None:
    (project.path / ".git" / "info" / "exclude").write_text("ours.py\n")
    ignored = project.path / "app" / "core" / "ours.py"
    ignored.write_text("# ours\n")
    with pytest.raises(AssertionError, match=r"git ignores app/core/ours\.py"):
        project.uv_run("manage", "upgrade")
    assert ignored.read_text() == "# ours\n"


def test_what_was_ignored_is_not_the_upgrades(template: Template, tmp_path: Path) -> None:
    """A release may stop ignoring a file of the team's, which must stay."""
    repository = GitProject.create(template, tmp_path / "project", OPPOSITES[0].answers)
    template.edit(".gitignore", ".coverage\n", "")
    template.release(NEXT)
    theirs = [repository.path / name for name in (".coverage", ".env")]
    for path in theirs:
        path.write_text("ours")
    upgrade = Upgrade(Repository(repository.path))
    with upgrade.merge(NEXT, {}) as clone:
        changed = list_results(clone)
        upgrade.carry_over(clone)
    assert ".gitignore" in changed
    assert ".coverage" not in changed
    upgrade.abort()
    assert [path.read_text() for path in theirs] == ["ours", "ours"]


def test_what_git_could_not_bring_back(template: Template, tmp_path: Path) -> None:
    """A release may add a file that exists and is ignored; it never writes into .git."""
    repository = GitProject.create(template, tmp_path / "project", OPPOSITES[0].answers)
    template.add("notes.txt", "theirs")
    template.add("{{ '.' ~ 'git' }}/config", "[filter]\n")
    template.release(NEXT)
    (repository.path / ".git" / "info" / "exclude").write_text("notes.txt\n")
    notes, coverage = repository.path / "notes.txt", repository.path / ".coverage"
    notes.write_text("ours")
    coverage.write_text("ours")
    settings = repository.path / ".git" / "config"
    before = settings.read_text()

    upgrade = Upgrade(Repository(repository.path))
    with upgrade.merge(NEXT, {}) as clone:
        upgrade.carry_over(clone)

    assert settings.read_text() == before
    assert notes.read_text() == "theirs"
    assert upgrade.list_overwritten() == ["notes.txt"]
    copies = repository.path / BACKUPS
    assert [path.name for path in copies.iterdir()] == ["notes.txt"]
    assert (copies / "notes.txt").read_text() == "ours"
    upgrade.abort()
    assert notes.read_text() == "ours"


@pytest.mark.parametrize("option", ["--skip-worktree", "--assume-unchanged"])
def test_edit_that_git_ignores(project: Project, option: str) -> None:
    name = "app/core/errors.py"
    git(project.path, "update-index", option, name)
    with (project.path / name).open("a") as file:
        file.write("# ours\n")
    with pytest.raises(AssertionError, match=rf"git ignores changes to {name}"):
        project.uv_run("manage", "upgrade")
    assert (project.path / name).read_text().endswith("# ours\n")


def test_only_versions_are_releases(tmp_path: Path) -> None:
    """A team's own template may have other tags, too."""
    source = tmp_path / "source"
    git(tmp_path, "init", "--quiet", str(source))
    git(source, "commit", "--quiet", "--allow-empty", "--message", "All")
    for tag in ("v0.9.0", "v0.10.0", "v1.0.0rc1", "1.0.0", "v1!2.0", "v3.0+ours", "v04.0", "vNext"):
        git(source, "tag", tag)
    template = Fetched.clone(str(source), tmp_path / "clone.git")
    assert [release.tag for release in template.list_releases()] == [
        "v0.9.0",
        "v0.10.0",
        "v1.0.0rc1",
    ]
    assert template.get_release(None).tag == "v0.10.0"


def test_runs_no_hooks(tmp_path: Path) -> None:
    """Nor other programs that the repository's settings name."""
    source = tmp_path / "source"
    git(tmp_path, "init", "--quiet", str(source))
    git(source, "commit", "--quiet", "--allow-empty", "--message", "All")
    said = tmp_path / "said"
    script = source / ".git" / "hooks" / "post-checkout"
    script.write_text(f"#!/bin/sh\necho ran >> '{said}'\n")
    script.chmod(0o755)
    git(source, "config", "core.fsmonitor", str(script))
    git(source, "status")
    git(source, "checkout", "--quiet", "-b", "topic")
    assert said.read_text().count("ran") >= 2
    said.unlink()
    repository = Repository(source)
    repository.git("status")
    repository.git("checkout", "--quiet", "-b", "other")
    assert not said.exists()


def test_hands_on_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv builds packages and so runs code of the release."""
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "ACTIONS_RUNTIME_TOKEN"):
        monkeypatch.setenv(name, "secret-of-the-run")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    show = "import os; print(*os.environ.values(), os.environ['GITHUB_ACTIONS'])"
    said = run_uv(tmp_path, "run", "--no-project", "python", "-c", show).stdout
    assert said.endswith("true\n")
    assert "secret-of-the-run" not in said
