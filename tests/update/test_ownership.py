"""Updates by releases that change which files the team owns."""

from pathlib import Path

import pytest

from tests.support.releases import NEXT, GitProject, Template, ThinTemplate

pytestmark = pytest.mark.update

QUEUES = ["none", "procrastinate", "celery"]
TASKS = "app/{% if jobs != 'none' %}tasks.py{% endif %}"
JOBS = """
jobs:
  type: str
  help: Which queue?
  choices: [none, procrastinate, celery]
  default: none
"""


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    return ThinTemplate(checkout, tmp_path / "template")


@pytest.fixture
def project(template: Template, tmp_path: Path) -> GitProject:
    return GitProject.create(template, tmp_path / "project", {})


def own(template: Template, *paths: str) -> None:
    """Give paths to the team."""
    entries = (template.path / "extensions/ownership.yml").read_text().splitlines()
    kept = [entry for entry in entries if entry.removeprefix("  - ") not in paths]
    (template.path / "extensions/ownership.yml").write_text("\n".join(kept) + "\n")
    yours = template.path / "extensions/owned.yml"
    yours.write_text("".join(f"- /{path}\n" for path in paths) + yours.read_text())


def test_given_to_the_team(template: Template, project: GitProject) -> None:
    project.append("app/emails.py", "# ours\n")
    (project.path / ".env.example").unlink()
    project.commit("Edits")
    edited = project.files()
    own(template, "app/emails.py", ".env.example")
    template.head_every_file("of the next release")
    template.release(NEXT)
    project.run()

    after = project.files()
    assert after["app/emails.py"] == edited["app/emails.py"]
    assert ".env.example" not in after
    assert project.conflicts() == []


def test_first_in_a_release(template: Template, project: GitProject) -> None:
    """A new file of the team's is written once, unless it exists."""
    (project.path / "app/alarms.py").write_text("# ours\n")
    project.commit("A file that a later release has, too")
    own(template, "app/hooks.py", "app/alarms.py")
    for name in ("hooks", "alarms"):
        template.add(f"app/{name}.py", "# theirs\n")
    template.release(NEXT)
    project.run()

    assert project.files()["app/hooks.py"] == b"# theirs\n"
    assert project.files()["app/alarms.py"] == b"# ours\n"
    (project.path / "app/hooks.py").unlink()
    project.commit("Not wanted")
    template.head_every_file("of the release after it")
    template.release("v0.0.3")
    project.run("v0.0.3")
    assert "app/hooks.py" not in project.files()
    assert project.files()["app/alarms.py"] == b"# ours\n"


def test_enabled_by_an_answer(template: Template, project: GitProject) -> None:
    """A file is written when an answer enables it, and never restored."""
    ask_for_jobs(template)
    template.release(NEXT)
    project.run()
    assert "jobs: none" in project.files()[".copier-answers.yml"].decode()
    assert "app/tasks.py" not in project.files()
    project.commit("Update")

    project.run(jobs="celery")
    assert project.files()["app/tasks.py"] == b"# theirs\n"
    (project.path / "app/tasks.py").unlink()
    project.commit("Not wanted")
    project.run(jobs="procrastinate")
    assert "app/tasks.py" not in project.files()


def ask_for_jobs(template: Template) -> None:
    """Add a question that enables a file of the team's."""
    with (template.path / "copier.yml").open("a") as questions:
        questions.write(JOBS)
    template.edit("answers.jinja", "  'example': [", f"  'jobs': {QUEUES},\n  'example': [")
    own(template, "app/tasks.py")
    template.add(TASKS, "# theirs\n")
    enabled = template.path / "extensions/enabled.yml"
    enabled.write_text(f"/app/tasks.py: {{jobs: {QUEUES[1:]}}}\n")
