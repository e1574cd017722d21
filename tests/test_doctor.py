"""`manage doctor` on projects of a release, with defects that these tests plant."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patients import Finding, Patient, refused
from tests.projects import Project
from tests.releases import NEXT, Template, Update
from tests.renderings import git
from tests.stacks import OPPOSITES, Stack, each

ASYNC, SYNC = OPPOSITES
MODEL = """\
from app.core.models import Record


class Note(Record):
    __tablename__ = "notes"
"""
ROUTER = """\
from fastapi import APIRouter

router = APIRouter()
"""


@pytest.fixture
def patient(stack: Stack, checkout: Path, workshop: Path) -> Iterator[Patient]:
    """One per stack and run, which recovers after each test."""
    folder = workshop / "patients" / str(stack)
    folder.mkdir(parents=True, exist_ok=True)
    project = Project(folder / "project")
    with project.alone():
        if not project.path.exists():
            born = Update.born(Template(checkout, folder / "template"), project.path, stack.answers)
            project.sync(workshop)
            born.commit("Lock")
        patient = Patient(stack, folder / "template", project)
        start = git(project.path, "rev-parse", "HEAD").strip()
        yield patient
        patient.recover(start)


@each(OPPOSITES)
def test_fresh_project_has_no_problem(patient: Patient) -> None:
    assert patient.found() == []
    assert not (patient.project.path / ".postgres").exists()

    told = patient.doctor()

    assert told.returncode == 0
    assert "migrations:\n  note: The local database was never started" in told.stdout
    assert told.stdout.endswith("\n\nNo problems found, 5 notes\n")


@each(OPPOSITES)
def test_registrations(patient: Patient) -> None:
    patient.lose_template()
    patient.write(patient.place("models"), MODEL)
    patient.write(patient.place("routes"), ROUTER)
    patient.edit(patient.registry("models"), r"^from .* import Article$", "")
    gone = patient.module("routes", "article")
    patient.edit(patient.registry("routes"), re.escape(gone), f"{gone}_old")
    models, routes = patient.registry("models"), patient.registry("routes")
    article = patient.module("models", "article").replace(".", "/") + ".py"
    served = gone.replace(".", "/") + ".py"

    assert sorted(patient.found()) == sorted(
        [
            unknown_tables(article, "Article", models),
            unknown_tables(patient.place("models"), "Note", models),
            unserved(served, routes),
            unserved(patient.place("routes"), routes),
            ("registrations", "error", f"{routes} imports from {gone}_old, which does not exist"),
        ]
    )
    (patient.project.path / "app" / "seed.py").unlink()
    missing = "app.seed is missing, and the kernel imports it"
    assert ("registrations", "error", missing) in patient.found()
    (patient.project.path / "app" / "core" / "sql" / "pagination.py").unlink()
    [lost] = [
        found for found in patient.found() if "app.core.sql.pagination does not exist" in found[2]
    ]
    assert lost[:2] == ("registrations", "error")

    said = patient.remedies()
    assert f"add `from {patient.module('models')} import Note` to {models}" in said
    assert f"add `from {patient.module('routes')} import router as note" in said


def unknown_tables(path: str, model: str, registry: str) -> Finding:
    problem = f"{path} defines {model}, but {registry} does not import it:"
    return "registrations", "error", f"{problem} migrations do not see its tables"


def unserved(path: str, registry: str) -> Finding:
    problem = f"{path} has a router, but {registry} does not list it:"
    return "registrations", "warning", f"{problem} its operations are not served"


@each([ASYNC])
def test_registered_by_way_of_others(patient: Patient) -> None:
    """In whichever way a module comes in; but what is for type checkers alone does not count."""
    patient.lose_template()
    patient.write("app/notes/models/__init__.py", "from .plain import *\n")
    patient.write("app/notes/models/plain.py", MODEL)
    patient.write("app/hints/models.py", MODEL.replace("notes", "hints"))
    patient.write("app/notes/routes.py", ROUTER)
    hint = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.hints.models\n"
    with (patient.project.path / "app/models.py").open("a") as registry:
        registry.write(f"import app.notes.models\n{hint}")
    with (patient.project.path / "app/main.py").open("a") as main:
        main.write("from app.notes import routes\napp.include_router(routes.router)\n")

    assert patient.found() == [unknown_tables("app/hints/models.py", "Note", "app/models.py")]


@each(OPPOSITES)
def test_answers(patient: Patient) -> None:
    patient.lose_template()
    stack = patient.stack
    for name in ("layout", "auth", "multi_tenancy"):
        patient.edit(".copier-answers.yml", f"^{name}: .*$", f"{name}: {changed(stack, name)}")

    severity = "error" if stack.multi_tenancy else "warning"
    assert patient.found() == [
        ("answers", "warning", edited(stack, "auth")),
        ("answers", "error", edited(stack, "layout")),
        ("answers", severity, edited(stack, "multi_tenancy")),
    ]
    said = patient.remedies()
    assert f"set it back to {stack.layout}: it cannot be changed" in said
    assert f"`manage upgrade --set 'auth={changed(stack, 'auth')}'`" in said


def changed(stack: Stack, name: str) -> str:
    """The answer of the other stack."""
    other = SYNC if stack == ASYNC else ASYNC
    return str(other.answers[name]).replace("True", "true").replace("False", "false")


def edited(stack: Stack, name: str) -> str:
    born = str(stack.answers[name]).replace("True", "true").replace("False", "false")
    answer = f"{name}: {changed(stack, name)}"
    return f".copier-answers.yml has {answer}, but the project was rendered with {born}"


@each([ASYNC])
def test_damaged_answers(patient: Patient) -> None:
    (patient.project.path / ".copier-answers.yml").write_text("[")
    unchecked = "Not checked: .copier-answers.yml is damaged: restore it from git"
    assert patient.found() == [
        ("answers", "error", ".copier-answers.yml is damaged"),
        ("drift", "note", unchecked),
        ("version", "note", unchecked),
    ]

    (patient.project.path / ".copier-answers.yml").unlink()
    assert ("answers", "error", ".copier-answers.yml is missing") in patient.found()


@each([ASYNC])
def test_conflicts(patient: Patient) -> None:
    patient.lose_template()
    sides = "<<<<<<< before updating\na\n=======\nb\n>>>>>>> after updating\n"
    patient.write("app/core/notes.txt", sides)
    patient.write("alembic.ini.rej", "")
    for name in ("notes.txt", "README.md.rej"):  # The team's, which no update writes.
        patient.write(name, sides)
    head = git(patient.project.path, "rev-parse", "HEAD").strip()
    state = json.dumps([head, ["app/core/notes.txt"]])
    patient.write(".local/upgrade.json", state)

    assert patient.found() == [
        ("conflicts", "error", "alembic.ini.rej has an unresolved conflict"),
        ("conflicts", "error", "app/core/notes.txt has an unresolved conflict"),
        ("conflicts", "note", "An upgrade is in progress"),
    ]


@each(OPPOSITES)
def test_drift_and_a_newer_release(patient: Patient) -> None:
    path = patient.project.path
    patient.edit("app/core/errors.py", r"\A", "# ours\n")
    (path / "app/core/sql/pagination.py").write_bytes(
        (path / "app/core/sql/pagination.py").read_bytes().replace(b"\n", b"\r\n")
    )
    patient.edit("pyproject.toml", r"\A", "# ours\n")
    patient.edit("README.md", r"\A", "# ours\n")
    patient.edit(".chassis/chassis_tools/scaffolding/words.py", r"\A", "# ours\n")
    (path / ".chassis/.gitattributes").unlink()
    (path / "migrations/env.py").unlink(missing_ok=True)
    (path / "tests/core/test_health.py").unlink()
    auth = changed(patient.stack, "auth")
    patient.edit(".copier-answers.yml", "^auth: .*$", f"auth: {auth}")
    git(patient.template, "tag", NEXT)

    extended = ("drift", "note", "Deleted, shared: migrations/env.py")
    assert patient.found() == [
        ("answers", "warning", edited(patient.stack, "auth")),
        ("drift", "note", "Edited, managed: app/core/errors.py"),
        ("drift", "note", "Deleted, managed: tests/core/test_health.py"),
        ("drift", "note", "Edited, vendored: .chassis/chassis_tools/scaffolding/words.py"),
        ("drift", "note", "Deleted, vendored: .chassis/.gitattributes"),
        ("drift", "note", "Edited, shared: pyproject.toml"),
        *([extended] if patient.stack.migrations == "alembic" else []),
        ("version", "note", "The template is at v0.0.2, this project at v0.0.1"),
    ]
    remedies = patient.remedies()
    assert "use an extension point" in remedies
    assert "move the edits elsewhere: an upgrade replaces these files" in remedies
    assert "restore them from git, or with the next upgrade" in remedies


@each([ASYNC])
def test_checks_that_cannot_run(patient: Patient, tmp_path: Path) -> None:
    """Without git and the template, and with code that cannot be imported or read."""
    (patient.project.path / ".git").rename(tmp_path / "git")
    try:
        patient.lose_template()
        patient.write("app/settings.py", "from nowhere import nothing\n")
        patient.write("app/core/errors.py", "print(")
        told = patient.told()
    finally:
        (tmp_path / "git").rename(patient.project.path / ".git")

    severities = {one["check"]: one["severity"] for one in told}
    unchecked = ("conflicts", "migrations", "settings", "drift", "version")
    assert severities == {"registrations": "error"} | dict.fromkeys(unchecked, "note")
    said = "\n".join(one["problem"] for one in told)
    assert "Not checked: git ls-files: not a git repository" in said
    assert "app/core/errors.py is not valid Python" in said
    assert "Not checked: ModuleNotFoundError: No module named 'nowhere'" in said
    assert "Not checked: The template /nowhere cannot be fetched" in said


@each(OPPOSITES)
def test_settings(patient: Patient) -> None:
    patient.lose_template()
    staging = patient.found(ENVIRONMENT="staging", SMTP_HOST="mail.example.org")
    assert [one for one in staging if one[0] == "settings"] == refused("error")[:-1]

    patient.write(".env", "DEBUG=true\nPOOL_SIZE=none\n")
    invalid = "POOL_SIZE Input should be a valid integer, unable to parse string as an integer"
    assert ("settings", "error", invalid) in patient.found()
    patient.write(".env", "DEBUG=true\n")
    wrong = ("settings", "note", "Production would reject this: DEBUG shows internals")
    assert patient.found() == [wrong]


@each([ASYNC])
def test_forked_line(patient: Patient) -> None:
    patient.lose_template()
    folder = patient.project.path / "migrations/app"
    (first,) = folder.glob("*.py")
    created = first.read_text()
    follows = re.sub(r"^down_revision.*$", 'down_revision = "0001"', created, flags=re.MULTILINE)
    revision = re.findall(r'^revision.*= "(.+)"', created, re.MULTILINE)[0]
    for name in ("app_a", "app_b"):
        (folder / f"{name}.py").write_text(
            follows.replace(f'"{revision}"', f'"{name}"', 1).replace('"0001"', f'"{revision}"')
        )

    fork = "The app migrations have several heads: app_a, app_b"
    assert patient.found() == [("migrations", "error", fork)]


@each(OPPOSITES)
def test_database(patient: Patient) -> None:
    patient.lose_template()
    project = patient.project
    with project.postgres():
        pending = patient.found()
        assert [(check, severity) for check, severity, _ in pending] == [("migrations", "warning")]
        assert pending[0][2].startswith("The database lacks the migrations ")
        project.uv_run("manage", "migrate", "apply")
        assert patient.found() == []

        registry = patient.project.path / patient.registry("models")
        registered = registry.read_text()
        patient.edit(patient.registry("models"), r"^from .* import Article$", "")
        [unregistered, unchecked] = patient.found()
        assert unregistered[:2] == ("registrations", "error")
        assert "does not import all models (see above)" in unchecked[2]
        registry.write_text(registered)

        article = patient.module("models", "article").replace(".", "/") + ".py"
        patient.edit(article, r"\Z", "    subtitle: Mapped[str | None]\n")
        differs = "The models differ from these tables of the database: articles"
        assert patient.found() == [("migrations", "error", differs)]

        project.uv_run("manage", "migrate", "create", "-m", "subtitle")
        [(check, severity, problem)] = patient.found()
        assert (check, severity) == ("migrations", "warning")
        project.uv_run("manage", "migrate", "apply")
        assert patient.found() == []

        git(project.path, "clean", "--quiet", "--force", "-d")
        name = problem.removeprefix("The database lacks the migrations ")
        ahead = f"The database has migrations that this checkout does not: {name}"
        assert patient.found() == [("migrations", "warning", ahead)]


@each([ASYNC])
def test_upgrade_ends_with_it(patient: Patient) -> None:
    git(patient.template, "commit", "--quiet", "--allow-empty", "--message", NEXT)
    git(patient.template, "tag", NEXT)
    said = patient.project.uv_run("manage", "upgrade")
    assert "conflicts:\n  note: An upgrade is in progress" in said
    assert "No problems found, 6 notes" in said
    patient.project.uv_run("manage", "upgrade", "--abort")

    patient.write(patient.place("models"), MODEL)
    Update(patient.project.path).commit("Forget to register a model")
    with pytest.raises(AssertionError) as refusal:
        patient.project.uv_run("manage", "upgrade")
    assert "app/notes/models.py defines Note" in str(refusal.value)
    assert "Error: The project is upgraded, but `manage doctor` found errors" in str(refusal.value)
