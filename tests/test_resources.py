"""In every stack resources are made, checked with the project they are in, and removed again."""

import shutil
from pathlib import Path

from tests.checks import check_style, check_types, run_own_tests
from tests.conftest import Render
from tests.projects import Project
from tests.resources import ARTICLE, RESOURCES, make, remove, tree, without_the_example
from tests.stacks import OPPOSITES, STACKS, Stack, each


@each(STACKS, quick=OPPOSITES)
def test_made_and_removed(stack: Stack, render: Render, workshop: Path, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(render(stack).path, project.path)
    project.sync(workshop)
    rendered = tree(project.path)

    make(project, *RESOURCES)
    check_style(project)
    check_types(project, workshop)
    run_own_tests(project)

    remove(project, *reversed(RESOURCES))
    assert tree(project.path) == rendered

    remove(project, ARTICLE)
    bare = render(stack.but(example=False)).path
    assert without_the_example(tree(project.path)) == without_the_example(tree(bare))

    make(project, ARTICLE)
    assert tree(project.path) == rendered
