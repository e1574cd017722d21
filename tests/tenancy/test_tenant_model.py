"""Whatever sequence of operations, tenants see what a plain model says that they wrote."""

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
def hiding(render: Render, workshop: Path) -> Callable[[Stack], Project]:
    """Projects whose articles are soft-deleted, so that the model has that to look at too."""

    def hiding(stack: Stack) -> Project:
        project = Project(workshop / "hiding" / str(stack))
        project.path.parent.mkdir(exist_ok=True)
        with project.alone():
            if not (project.path / "scaffold/made/article.json").exists():
                bare = render(stack.but(example=False)).path
                shutil.copytree(bare, project.path, dirs_exist_ok=True)
                project.sync(workshop)
                make(project, (*ARTICLE, "--soft-delete"))
        return project

    return hiding


def run_model(project: Project, *, sabotage: str = "") -> str:
    """From outside of the project, whose own tests must not find it."""
    with project.alone():
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


@each([ASYNC, SYNC])
def test_tenants_see_their_own(stack: Stack, hiding: Callable[[Stack], Project]) -> None:
    assert "1 passed" in run_model(hiding(stack))


@pytest.mark.parametrize(
    ("sabotage", "complaint"),
    [
        ("DROP POLICY tenant_isolation ON articles", "violates row-level security"),
        ("ALTER TABLE articles DISABLE ROW LEVEL SECURITY", "sees what is not|DID NOT RAISE"),
        ("CREATE POLICY readers ON articles FOR SELECT USING (true)", "sees what is not its own"),
    ],
)
def test_notices_what_lacks(
    sabotage: str, complaint: str, hiding: Callable[[Stack], Project]
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        run_model(hiding(ASYNC), sabotage=sabotage)
