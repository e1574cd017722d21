"""Pull requests with upgrades, opened by the project's workflows with a fake `gh`."""

import json
import re
import shutil
from importlib import resources
from pathlib import Path

import pytest
from chassis_tools.upgrading.pull_request import GitHub
from chassis_tools.upgrading.repository import Repository
from manage.errors import CommandError

from tests.conftest import REPOSITORY, Render
from tests.support.github_workflows import Runner, check_schema
from tests.support.projects import Project
from tests.support.releases import NEXT, GitProject, Template
from tests.support.renderings import git
from tests.support.stacks import OPPOSITES
from tests.update.test_upgrade import NEWS

pytestmark = pytest.mark.update

BRANCH = f"chassis/{NEXT}"
NO_DRAFTS = {"--draft": "Draft pull requests are not supported in this repository."}
# Only the first is closed; the others are users', from a fork, newer, or the current one.
OPEN = [
    {"number": number, "headRefName": name, "isCrossRepository": number == 2}
    for number, name in enumerate(
        (
            "chassis/v0.0.2a1",
            "chassis/v0.0.1",
            "chassis/our-fix",
            "topic",
            "chassis/v0.0.3",
            BRANCH,
            "v0.0.1",
        ),
        start=1,
    )
]
FORBIDDEN = {"create": "GitHub Actions is not permitted to create or approve pull requests."}
# A pre-commit hook that many teams have.
REFUSE_CONFLICTS = "#!/bin/sh\n! git diff --cached | grep -q '^+<<<<<<<'\n"
# GitHub rejects this if the token lacks the permission.
PROTECT_WORKFLOWS = """\
#!/bin/sh
while read -r old new reference; do
    ! git diff --name-only main "$new" | grep -q '^.github/workflows/' || exit 1
done
"""


DESCRIBE_REPLACED = """
from types import SimpleNamespace
from chassis_tools.upgrading.command import Outcome
from chassis_tools.upgrading.pull_request import Proposal
from chassis_tools.upgrading.vendored import Replacement
recorded, release = SimpleNamespace(version="v0.0.1"), SimpleNamespace(tag="v0.0.2")
plan = SimpleNamespace(recorded=recorded, release=release, changelog="News. " * 20_000)
proposal = Proposal(plan, Outcome([]), "The packages cannot be installed")
print(proposal.is_draft, len(proposal.body) < 65_536, proposal.title, proposal.body[:80])
replaced = Proposal(plan, Outcome([], [Replacement(".chassis/tool.py", None)]), "")
print(replaced.is_draft, replaced.body[:120])
"""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "runner")


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote.git"


@pytest.fixture
def project(checkout: Path, shared_path: Path, remote: Path, tmp_path: Path) -> Project:
    """Return a project as `actions/checkout` leaves it, with a newer release available."""
    template = Template(checkout, tmp_path / "template")
    repository = GitProject.create(template, tmp_path / "project", OPPOSITES[0].answers)
    template.head_every_file("of the next release")
    (template.path / "CHANGELOG.md").write_text(NEWS)
    template.release(NEXT)
    project = Project(repository.path)
    project.sync(shared_path)
    git(project.path, "branch", "--move", "main")
    errors = project.path / "app" / "core" / "errors.py"
    errors.write_text(f"# ours\n{errors.read_text()}")
    repository.commit("Edit the first line")
    publish(project.path, remote)
    return project


def hook(repository: Path, name: str, code: str) -> Path:
    path = repository / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(code)
    path.chmod(0o755)
    return path


def publish(path: Path, remote: Path) -> None:
    """Push a repository to a new remote and keep a shallow clone of it."""
    git(path.parent, "clone", "--quiet", "--bare", str(path), str(remote))
    git(path.parent, "clone", "--quiet", "--depth=1", remote.as_uri(), "shallow")
    shutil.rmtree(path / ".git")
    shutil.move(path.parent / "shallow" / ".git", path / ".git")
    assert git(path, "status", "--porcelain") == ""


def test_workflows(project: Project, remote: Path, runner: Runner) -> None:
    hook(project.path / ".git", "pre-commit", REFUSE_CONFLICTS)
    said = runner.run(project, "upgrade", GH_REFUSALS=json.dumps(NO_DRAFTS))
    assert said.endswith("https://github.com/example/probe/pull/1\n")
    drafted, created = runner.created()
    assert {*drafted.arguments} - {*created.arguments} == {"--draft"}
    assert created.option("--title") == f"Upgrade the template to {NEXT}: 1 file needs a decision"
    assert created.option("--base") == "main"
    assert created.option("--head") == BRANCH
    assert created.token == "token-of-the-run"
    assert "- `app/core/errors.py`: resolve the conflicts marked" in created.text
    assert "### When you upgrade\n\n- Read the heads." in created.text
    assert git(remote, "rev-list", "--count", f"main..{BRANCH}") == "1\n"
    author = git(remote, "log", "-1", "--format=%an", BRANCH)
    assert author == "github-actions[bot]\n"

    with pytest.raises(AssertionError, match=r"app/core/errors\.py has an unresolved conflict"):
        runner.run(project, "doctor")

    git(project.path, "checkout", "--quiet", "--force", "main")
    assert f"The branch {BRANCH} already exists" in runner.run(project, "upgrade")
    assert len(runner.created()) == 2

    undo_edit(project)
    git(remote, "branch", "--delete", "--force", BRANCH)
    git(project.path, "branch", "--delete", "--force", BRANCH)
    runner.run(project, "upgrade", GH_OPEN=json.dumps(OPEN))
    created = runner.created()[-1]
    assert created.option("--title") == f"Upgrade the template to {NEXT}"
    assert "--draft" not in created.arguments
    assert "## Decisions" not in created.text
    assert "- Heads." in created.text
    closed = [call for call in runner.calls() if call.arguments[:2] == ["pr", "close"]]
    assert [call.arguments[2] for call in closed] == ["1"]
    assert git(remote, "show", f"{BRANCH}:app/core/errors.py").startswith("# of the next release\n")

    described = project.uv_run("python", "-c", DESCRIBE_REPLACED, PYTHONPATH=".chassis")
    assert described.startswith(
        "True True Upgrade the template to v0.0.2: packages need a fix From v0."
    )
    assert "## Packages to fix\n\nThe packages cannot" in described
    assert (
        "False From v0.0.1 to v0.0.2.\n\n## Replaced edits\n\n- `.chassis/tool.py`\n" in described
    )


def undo_edit(project: Project) -> None:
    errors = project.path / "app" / "core" / "errors.py"
    errors.write_text(errors.read_text().removeprefix("# ours\n"))
    GitProject(project.path).commit("Undo the edit")
    git(project.path, "push", "--quiet", "origin", "main")


@pytest.fixture
def branch(remote: Path, tmp_path: Path) -> Path:
    """Return a small checkout with an unpushed branch that changes a workflow."""
    path = tmp_path / "checkout"
    git(tmp_path, "init", "--quiet", "--initial-branch", "main", str(path))
    git(path, "commit", "--quiet", "--allow-empty", "--message", "Start")
    publish(path, remote)
    git(path, "switch", "--quiet", "--create", BRANCH)
    workflows = path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "upgrade.yml").write_text("name: Upgrade\n")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", "Upgrade")
    return path


def test_token_that_may_not_change_workflows(branch: Path, remote: Path) -> None:
    protection = hook(remote, "pre-receive", PROTECT_WORKFLOWS)
    github = GitHub(Repository(branch))
    with pytest.raises(CommandError, match=r"changes \.github/workflows/, which needs a token"):
        github.push(BRANCH)
    protection.unlink()
    github.push(BRANCH)
    assert github.has_branch(BRANCH)


def test_refused_pull_request_leaves_no_branch(
    branch: Path, remote: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (runner.environment | {"GH_REFUSALS": json.dumps(FORBIDDEN)}).items():
        monkeypatch.setenv(name, value)
    github = GitHub(Repository(branch))
    github.push(BRANCH)
    with pytest.raises(CommandError, match=r"gh pr create: .* Actions is not permitted"):
        github.open(BRANCH, "main", "Upgrade", "", draft=True)
    assert git(remote, "branch", "--list", BRANCH) == ""
    assert len(runner.created()) == 1


def test_gh_is_not_installed(branch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CommandError, match="gh is not installed"):
        GitHub(Repository(branch)).reject_missing_gh()


def test_files_fit_their_schemas(render: Render) -> None:
    path = render(OPPOSITES[0]).path
    ours = REPOSITORY.joinpath(".github", "workflows").glob("*.yml")
    workflows = [*path.joinpath(".github", "workflows").glob("*.yml"), *ours]
    assert len(workflows) == 5
    for schema, files in (
        ("vendor.github-workflows", workflows),
        ("vendor.renovate", [path / "renovate.json"]),
    ):
        done = check_schema(schema, *files)
        assert done.returncode == 0, done.stdout


def test_schemas_find_mistakes(render: Render, tmp_path: Path) -> None:
    path = render(OPPOSITES[0]).path
    for schema, name, old, new in (
        ("vendor.github-workflows", ".github/workflows/upgrade.yml", "runs-on", "run-on"),
        ("vendor.renovate", "renovate.json", '"update-lockfile"', '"lockfile"'),
    ):
        broken = tmp_path / Path(name).name
        broken.write_text((path / name).read_text().replace(old, new))
        assert check_schema(schema, broken).returncode == 1


def test_renovate_has_every_option(render: Render) -> None:
    """The schema accepts unknown options, so compare them with its list."""
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "renovate.json"
    known = json.loads(schema.read_text())["definitions"].keys()
    written = (render(OPPOSITES[0]).path / "renovate.json").read_text()
    assert set(re.findall(r'"([^"]+)": ', written)) - known == {"$schema"}
