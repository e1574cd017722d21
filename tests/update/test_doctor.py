"""`manage doctor` on projects with planted defects."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.doctor_cases import DoctorCase, Finding, settings_findings
from tests.support.projects import Project
from tests.support.releases import NEXT, GitProject, Template
from tests.support.renderings import git
from tests.support.stacks import OPPOSITES, Stack, each

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
def case(stack: Stack, checkout: Path, shared_path: Path) -> Iterator[DoctorCase]:
    """Yield a project that tests share and that is reset after each of them."""
    folder = shared_path / "doctor-cases" / str(stack)
    folder.mkdir(parents=True, exist_ok=True)
    project = Project(folder / "project")
    with project.lock():
        if not project.path.exists():
            repository = GitProject.create(
                Template(checkout, folder / "template"), project.path, stack.answers
            )
            project.sync(shared_path)
            repository.commit("Lock")
        case = DoctorCase(stack, folder / "template", project)
        start = git(project.path, "rev-parse", "HEAD").strip()
        yield case
        case.reset(start)


@each(OPPOSITES)
def test_fresh_project_has_no_problem(case: DoctorCase) -> None:
    assert case.new_findings() == []
    assert not (case.project.path / ".postgres").exists()

    told = case.doctor()

    assert told.returncode == 0
    assert "migrations:\n  note: The local database was never started" in told.stdout
    notes = 6 if case.stack.auth == "jwt" else 5
    assert told.stdout.endswith(f"\n\nNo problems found, {notes} notes\n")


@each(OPPOSITES[1:], exhaustive=OPPOSITES)
def test_registrations(case: DoctorCase) -> None:
    case.lose_template()
    case.write(case.place("models"), MODEL)
    case.write(case.place("routes"), ROUTER)
    case.edit(case.registry("models"), r"^from .* import Article$", "")
    removed = case.module("routes", "article")
    case.edit(case.registry("routes"), re.escape(removed), f"{removed}_old")
    models, routes = case.registry("models"), case.registry("routes")
    article = case.module("models", "article").replace(".", "/") + ".py"
    served = removed.replace(".", "/") + ".py"

    assert sorted(case.new_findings()) == sorted(
        [
            unknown_tables_finding(article, "Article", models),
            unknown_tables_finding(case.place("models"), "Note", models),
            unserved_finding(served, routes),
            unserved_finding(case.place("routes"), routes),
            (
                "registrations",
                "error",
                f"{routes} imports from {removed}_old, which does not exist",
            ),
        ]
    )
    (case.project.path / "app" / "seed.py").unlink()
    missing = "app.seed is missing, and the kernel imports it"
    assert ("registrations", "error", missing) in case.new_findings()
    (case.project.path / "app" / "core" / "sql" / "pagination.py").unlink()
    [lost] = [
        found
        for found in case.new_findings()
        if "app.core.sql.pagination does not exist" in found[2]
    ]
    assert lost[:2] == ("registrations", "error")

    said = case.remedies()
    assert f"add `from {case.module('models')} import Note` to {models}" in said
    assert f"add `from {case.module('routes')} import router as note" in said


def unknown_tables_finding(path: str, model: str, registry: str) -> Finding:
    problem = f"{path} defines {model}, but {registry} does not import it:"
    return "registrations", "error", f"{problem} migrations do not see its tables"


def unserved_finding(path: str, registry: str) -> Finding:
    problem = f"{path} has a router, but {registry} does not list it:"
    return "registrations", "warning", f"{problem} its operations are not served"


@each([ASYNC])
def test_imported_but_not_listed(case: DoctorCase) -> None:
    case.lose_template()
    case.edit(case.registry("routes"), r"^    articles,$", "")
    article = case.module("routes", "article").replace(".", "/") + ".py"
    assert case.new_findings() == [unserved_finding(article, case.registry("routes"))]


@each([ASYNC])
def test_registered_by_way_of_others(case: DoctorCase) -> None:
    """Any import registers a module, except those for type checkers."""
    case.lose_template()
    case.write("app/notes/models/__init__.py", "from .plain import *\n")
    case.write("app/notes/models/plain.py", MODEL)
    case.write("app/hints/models.py", MODEL.replace("notes", "hints"))
    for name in ("notes", "invoices", "memos"):
        case.write(f"app/{name}/routes.py", ROUTER)
    case.write("app/invoices/__init__.py", "from app.invoices.routes import *\n")
    case.write("app/memos/__init__.py", "from .routes import router as memo_router\n")
    hint = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.hints.models\n"
    with (case.project.path / "app/models.py").open("a") as registry:
        registry.write(f"import app.notes.models\n{hint}")
    with (case.project.path / "app/main.py").open("a") as main:
        main.write(
            "from app.notes import routes\n"
            "from app.invoices import router as invoices\n"
            "app.include_router(routes.router)\n"
            "app.include_router(invoices)\n"
            "def add_memos():\n"
            "    from app import memos\n"
            "    app.include_router(memos.memo_router)\n"
        )

    assert case.new_findings() == [
        unknown_tables_finding("app/hints/models.py", "Note", "app/models.py")
    ]


@each([ASYNC])
def test_application_that_cannot_be_imported(case: DoctorCase) -> None:
    case.lose_template()
    article = case.module("models", "article").replace(".", "/") + ".py"
    members = "\n\nclass Kind(StrEnum):\n    I_VALUE = 'i'\n    I_VALUE = 'i_value'\n"
    case.edit(article, r"\Z", f"\nfrom enum import StrEnum  # noqa: E402{members}")
    case.edit("app/core/versions.py", r'"fastapi": ".*?"', '"fastapi": "0.1"')

    [(check, severity, problem), *_, untested] = case.new_findings()
    assert (check, severity) == ("registrations", "error")
    assert problem.startswith(f"app.main cannot be imported: TypeError in {article}:")
    assert untested[:2] == ("dependencies", "warning")
    assert re.search("fastapi .* is newer than 0.1, with which this release", untested[2])


@each([ASYNC])
def test_route_that_cannot_be_built(case: DoctorCase) -> None:
    case.lose_template()
    routes = case.module("routes", "article").replace(".", "/") + ".py"
    route = "@router.get('/odd')\nasync def get_odd() -> Odd:\n    return Odd()"
    case.edit(routes, r"\Z", f"\n\nclass Odd:\n    pass\n\n\n{route}\n")

    [(check, severity, problem), *_] = case.new_findings()
    assert (check, severity) == ("registrations", "error")
    assert problem.startswith("A route is invalid: FastAPIError")
    assert ".Odd" in problem


@each(OPPOSITES[:1], exhaustive=OPPOSITES)
def test_answers(case: DoctorCase) -> None:
    case.lose_template()
    stack = case.stack
    for name in ("layout", "auth", "multi_tenancy"):
        case.edit(".copier-answers.yml", f"^{name}: .*$", f"{name}: {opposite_answer(stack, name)}")

    severity = "error" if stack.multi_tenancy else "warning"
    assert case.new_findings() == [
        ("answers", "warning", edited_answer(stack, "auth")),
        ("answers", "error", edited_answer(stack, "layout")),
        ("answers", severity, edited_answer(stack, "multi_tenancy")),
    ]
    said = case.remedies()
    assert f"set it back to {stack.layout}: it cannot be changed" in said
    assert f"`manage upgrade --set 'auth={opposite_answer(stack, 'auth')}'`" in said


def opposite_answer(stack: Stack, name: str) -> str:
    """Return the answer of the other stack."""
    other = SYNC if stack == ASYNC else ASYNC
    return str(other.answers[name]).replace("True", "true").replace("False", "false")


def edited_answer(stack: Stack, name: str) -> str:
    rendered = str(stack.answers[name]).replace("True", "true").replace("False", "false")
    answer = f"{name}: {opposite_answer(stack, name)}"
    return f".copier-answers.yml has {answer}, but the project was rendered with {rendered}"


@each([ASYNC])
def test_damaged_answers(case: DoctorCase) -> None:
    (case.project.path / ".copier-answers.yml").write_text("[")
    unchecked = "Not checked: .copier-answers.yml is damaged: restore it from git"
    assert case.new_findings() == [
        ("answers", "error", ".copier-answers.yml is damaged"),
        ("drift", "note", unchecked),
        ("version", "note", unchecked),
    ]

    (case.project.path / ".copier-answers.yml").unlink()
    assert ("answers", "error", ".copier-answers.yml is missing") in case.new_findings()


@each([ASYNC])
def test_conflicts(case: DoctorCase) -> None:
    case.lose_template()
    sides = "<<<<<<< before updating\na\n=======\nb\n>>>>>>> after updating\n"
    case.write("app/core/notes.txt", sides)
    case.write("alembic.ini.rej", "")
    for name in ("notes.txt", "README.md.rej"):  # The team's files, which no update writes.
        case.write(name, sides)
    head = git(case.project.path, "rev-parse", "HEAD").strip()
    state = json.dumps({"head": head, "changed": ["app/core/notes.txt"]})
    case.write(".local/upgrade.json", state)

    assert case.new_findings() == [
        ("conflicts", "error", "alembic.ini.rej has an unresolved conflict"),
        ("conflicts", "error", "app/core/notes.txt has an unresolved conflict"),
        ("conflicts", "note", "An upgrade is in progress"),
    ]


@each(OPPOSITES[1:], exhaustive=OPPOSITES)
def test_drift_and_a_newer_release(case: DoctorCase) -> None:
    path = case.project.path
    case.edit("app/core/errors.py", r"\A", "# ours\n")
    (path / "app/core/sql/pagination.py").write_bytes(
        (path / "app/core/sql/pagination.py").read_bytes().replace(b"\n", b"\r\n")
    )
    case.edit("pyproject.toml", r"\A", "# ours\n")
    case.edit("README.md", r"\A", "# ours\n")
    case.edit(".chassis/chassis_tools/scaffolding/words.py", r"\A", "# ours\n")
    (path / ".chassis/.gitattributes").unlink()
    (path / "migrations/env.py").unlink(missing_ok=True)
    (path / "tests/core/test_health.py").unlink()
    auth = opposite_answer(case.stack, "auth")
    case.edit(".copier-answers.yml", "^auth: .*$", f"auth: {auth}")
    git(case.template, "tag", NEXT)

    extended = ("drift", "note", "Deleted shared files: migrations/env.py")
    assert case.new_findings() == [
        ("answers", "warning", edited_answer(case.stack, "auth")),
        ("drift", "note", "Edited managed files: app/core/errors.py"),
        ("drift", "note", "Deleted managed files: tests/core/test_health.py"),
        ("drift", "note", "Edited vendored files: .chassis/chassis_tools/scaffolding/words.py"),
        ("drift", "note", "Deleted vendored files: .chassis/.gitattributes"),
        ("drift", "note", "Edited shared files: pyproject.toml"),
        *([extended] if case.stack.migrations == "alembic" else []),
        ("version", "note", "The template is at v0.0.2, this project at v0.0.1"),
    ]
    remedies = case.remedies()
    assert "use an extension point" in remedies
    assert "move the edits elsewhere: an upgrade replaces these files" in remedies
    assert "restore them from git, or with the next upgrade" in remedies


@each([ASYNC])
def test_checks_that_cannot_run(case: DoctorCase, tmp_path: Path) -> None:
    """Run without git and template, and with code that cannot be imported or parsed."""
    (case.project.path / ".git").rename(tmp_path / "git")
    try:
        case.lose_template()
        case.write("app/settings.py", "from nowhere import nothing\n")
        case.write("app/core/errors.py", "print(")
        told = case.findings()
    finally:
        (tmp_path / "git").rename(case.project.path / ".git")

    severities = {one["check"]: one["severity"] for one in told}
    unchecked = ("conflicts", "migrations", "settings", "drift", "version")
    assert severities == {"registrations": "error"} | dict.fromkeys(unchecked, "note")
    said = "\n".join(one["problem"] for one in told)
    assert "Not checked: This project is not in a git repository: run `git init`" in said
    assert "app/core/errors.py is not valid Python" in said
    assert "Not checked: ModuleNotFoundError: No module named 'nowhere'" in said
    assert "Not checked: The template /nowhere cannot be fetched" in said


@each(OPPOSITES[:1], exhaustive=OPPOSITES)
def test_settings(case: DoctorCase) -> None:
    case.lose_template()
    staging = case.new_findings(ENVIRONMENT="staging", MAIL_FROM="no-reply@example.org")
    wrong = settings_findings(case.stack, "error")
    assert [one for one in staging if one[0] == "settings"] == wrong[:-1]

    case.write(".env", "CORS_ORIGINS=*\nPOOL_SIZE=none\n")
    invalid = "POOL_SIZE Input should be a valid integer, unable to parse string as an integer"
    assert ("settings", "error", invalid) in case.new_findings()
    case.write(".env", "CORS_ORIGINS=*\n")
    note = ("settings", "note", "Production would reject this: CORS_ORIGINS allows every site")
    assert case.new_findings() == [note]
    (case.project.path / ".env").write_text("CORS_ORIGINS=*\n", encoding="utf-16")
    assert ("settings", "error", ".env is not encoded in UTF-8") in case.new_findings()


@each([ASYNC])
def test_forked_line(case: DoctorCase) -> None:
    case.lose_template()
    folder = case.project.path / "migrations/app"
    (first,) = folder.glob("*.py")
    created = first.read_text()
    follows = re.sub(r"^down_revision.*$", 'down_revision = "0001"', created, flags=re.MULTILINE)
    revision = re.findall(r'^revision.*= "(.+)"', created, re.MULTILINE)[0]
    for name in ("app_a", "app_b"):
        (folder / f"{name}.py").write_text(
            follows.replace(f'"{revision}"', f'"{name}"', 1).replace('"0001"', f'"{revision}"')
        )

    fork = "The app migrations have several heads: app_a, app_b"
    assert case.new_findings() == [("migrations", "error", fork)]


@each(OPPOSITES)
def test_duplicate_versions(case: DoctorCase) -> None:
    """Two branches in git may each have written the migration of the same version."""
    case.lose_template()
    (first,) = (case.project.path / "migrations/app").iterdir()
    second = first.with_name(first.name.replace("articles", "invoices"))
    second.write_text(first.read_text().replace("articles", "invoices"))

    paths = " and ".join(f"migrations/app/{path.name}" for path in (first, second))
    name = "app_0001" if case.stack.migrations == "alembic" else "app/0001"
    problem = f"{paths} have the same name, {name}"
    assert case.new_findings() == [("migrations", "error", problem)]
    with pytest.raises(AssertionError, match=r"Error: Two migrations have the same"):
        case.project.uv_run("manage", "migrate", "status")


@each(OPPOSITES)
def test_database(case: DoctorCase) -> None:
    case.lose_template()
    project = case.project
    with project.postgres():
        pending = case.new_findings()
        assert [(check, severity) for check, severity, _ in pending] == [("migrations", "warning")]
        assert pending[0][2].startswith("Migrations are pending: ")
        project.uv_run("manage", "migrate", "apply")
        assert case.new_findings() == []

        registry = case.project.path / case.registry("models")
        registered = registry.read_text()
        case.edit(case.registry("models"), r"^from .* import Article$", "")
        [unregistered, unchecked] = case.new_findings()
        assert unregistered[:2] == ("registrations", "error")
        assert "does not import all models (see above)" in unchecked[2]
        registry.write_text(registered)

        article = case.module("models", "article").replace(".", "/") + ".py"
        case.edit(article, r"\Z", "    subtitle: Mapped[str | None]\n")
        differs = "The models and the database differ in: articles"
        assert case.new_findings() == [("migrations", "error", differs)]

        project.uv_run("manage", "migrate", "create", "-m", "subtitle")
        [(check, severity, problem)] = case.new_findings()
        assert (check, severity) == ("migrations", "warning")
        project.uv_run("manage", "migrate", "apply")
        assert case.new_findings() == []

        git(project.path, "clean", "--quiet", "--force", "-d")
        name = problem.removeprefix("Migrations are pending: ")
        ahead = f"The database has migrations that this checkout does not: {name}"
        assert case.new_findings() == [("migrations", "warning", ahead)]


@each([ASYNC])
def test_upgrade_ends_with_it(case: DoctorCase) -> None:
    git(case.template, "commit", "--quiet", "--allow-empty", "--message", NEXT)
    git(case.template, "tag", NEXT)
    said = case.project.uv_run("manage", "upgrade")
    assert "conflicts:\n  note: An upgrade is in progress" in said
    assert "No problems found, 7 notes" in said
    case.project.uv_run("manage", "upgrade", "--abort")

    case.write(case.place("models"), MODEL)
    GitProject(case.project.path).commit("Forget to register a model")
    with pytest.raises(AssertionError) as refusal:
        case.project.uv_run("manage", "upgrade")
    assert "app/notes/models.py defines Note" in str(refusal.value)
    assert "Error: The project is upgraded, but `manage doctor` found errors" in str(refusal.value)
