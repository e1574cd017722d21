"""Property test: after any operations, tenants see exactly their own rows."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Render
from tests.support.projects import Project
from tests.support.sample_resources import ARTICLE, make
from tests.support.stacks import Stack, each

MODEL = REPOSITORY / "tests" / "support" / "in_project" / "tenant_model.py"
ASYNC = Stack(multi_tenancy=True)
SYNC = Stack("sync", multi_tenancy=True)


@pytest.fixture(scope="session")
def soft_deleting_project(render: Render, shared_path: Path) -> Callable[[Stack], Project]:
    """Return a function that creates projects whose articles are soft-deleted."""

    def soft_deleting_project(stack: Stack) -> Project:
        project = Project(shared_path / "soft_deleting_project" / str(stack))
        project.path.parent.mkdir(exist_ok=True)
        with project.lock():
            if not (project.path / "scaffold/resources/article.json").exists():
                bare = render(stack.with_answers(example=False)).path
                shutil.copytree(bare, project.path, dirs_exist_ok=True)
                project.sync(shared_path)
                make(project, (*ARTICLE, "--soft-delete"))
        return project

    return soft_deleting_project


def run_model(project: Project, *, sabotage: str = "") -> str:
    """Run the model from outside of the project, so that its own tests do not collect it."""
    with project.lock():
        return project.uv_run(
            *("--with", "hypothesis", "python", "-m", "pytest", str(MODEL), "--quiet"),
            *("-c", "pyproject.toml", "--rootdir", ".", "--import-mode", "importlib"),
            *(
                "-p",
                "tests.support.plugin",
                "-p",
                "no:cacheprovider",
                "--noconftest",
                "--show-capture=no",
            ),
            SABOTAGE=sabotage,
        )


@each([ASYNC], exhaustive=[SYNC])
def test_tenants_see_their_own(
    stack: Stack, soft_deleting_project: Callable[[Stack], Project]
) -> None:
    assert "1 passed" in run_model(soft_deleting_project(stack))


@pytest.mark.parametrize(
    ("sabotage", "complaint"),
    [
        ("DROP POLICY tenant_isolation ON articles", "violates row-level security"),
        ("ALTER TABLE articles DISABLE ROW LEVEL SECURITY", "sees what is not|DID NOT RAISE"),
        ("CREATE POLICY readers ON articles FOR SELECT USING (true)", "sees what is not its own"),
    ],
)
def test_notices_what_lacks(
    sabotage: str, complaint: str, soft_deleting_project: Callable[[Stack], Project]
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        run_model(soft_deleting_project(ASYNC), sabotage=sabotage)
