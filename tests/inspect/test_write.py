"""`manage inspect --write`: the project serves the rows of an existing database."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Install, Render
from tests.inspect.test_inspect import ASK_PASSWORDS, PASSWORD, SECRET, SECRET_PATTERN
from tests.support.api_session import ApiSession, ApiUser, register
from tests.support.checks import check_style, check_types
from tests.support.projects import Project
from tests.support.stacks import OPPOSITES, Stack

SCRIPTS = Path(__file__).parent / "databases"
STACKS = [
    Stack("async", "per-entity", "alembic", False, "jwt", example=False),
    Stack("sync", "per-layer", "dbmate", False, "session", example=False),
]
OWNER = f"CREATE ROLE reader SUPERUSER LOGIN PASSWORD '{PASSWORD}';\n"
TABLE = "CREATE TABLE things (id integer PRIMARY KEY);\n"
REFUSED_LATE = """
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''not today''; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON alembic_version DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse();
"""
# Fields that only the kernel's user schemas may show.
SECRETS = re.compile(r"\b(password|password_hash|api_key): ")
# The error, the project and the database.
REFUSALS = {
    r"Migrations are pending \(app_0001\)": (OPPOSITES[0], TABLE),
    "use --write in a project": (OPPOSITES[1], TABLE),
    "The service also has a table users": (
        STACKS[0],
        "CREATE TABLE users (id integer PRIMARY KEY)",
    ),
    "cannot be marked as applied: not today": (STACKS[0], TABLE + REFUSED_LATE),
    "permission denied for schema public": (STACKS[0], f"{TABLE}ALTER ROLE reader NOSUPERUSER"),
}
# A function that creates a file in the server's folder, and objects that call it.
MAKING_A_MARK = """
CREATE SCHEMA evil;
CREATE FUNCTION evil.f(value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    COPY (SELECT 1) TO PROGRAM 'touch mark';
    RETURN true;
END $$;
CREATE FUNCTION evil.title() RETURNS text LANGUAGE sql AS 'SELECT ''new''::text WHERE evil.f(''x'')';
CREATE FUNCTION evil.same(a text, b text) RETURNS boolean LANGUAGE sql AS 'SELECT evil.f(a)';
CREATE OPERATOR evil.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE TYPE evil.pair AS (value text);
CREATE FUNCTION evil.as_boolean(pair evil.pair) RETURNS boolean LANGUAGE sql AS
    'SELECT evil.f(pair.value)';
CREATE CAST (evil.pair AS boolean) WITH FUNCTION evil.as_boolean AS IMPLICIT;
"""
NOTES = "CREATE TABLE notes (id integer PRIMARY KEY, title {});"
# Tables that lead to that function; the test numbers them.
LEADING = {
    "check of another schema": NOTES.format("varchar(20) NOT NULL CHECK (evil.f(title))"),
    "check of a domain": "CREATE DOMAIN worded AS varchar(20) CHECK (evil.f(VALUE));"
    + NOTES.format("worded NOT NULL"),
    "domain over a domain": "CREATE DOMAIN phrased AS varchar(20) CHECK (evil.f(VALUE));"
    "CREATE DOMAIN titled AS phrased;" + NOTES.format("titled"),
    "operator": NOTES.format("text NOT NULL CHECK (title OPERATOR(evil.===) 'x')"),
    "default": NOTES.format("text NOT NULL DEFAULT evil.title()"),
    "implicit cast": NOTES.format("text NOT NULL CHECK (ROW(title)::evil.pair)"),
    "query in a text": NOTES.format(
        "text NOT NULL CHECK (query_to_xml('SELECT evil.f(''x'')', true, true, title) IS NOT NULL)"
    ),
}
MAKE_DATABASE = """
import sys
from manage.postgres import get_local_server
server = get_local_server()
server.get_database_url("postgresql", sys.argv[1])
server.run_sql(open(sys.argv[2]).read(), database=sys.argv[1])
server.run_sql("SELECT pg_reload_conf()", database=sys.argv[1])
server.release()
"""


@dataclass(frozen=True)
class Sample:
    """A sample database, and the API's expected answers."""

    name: str
    rows: dict[str, dict[str, Any]]
    totals: dict[str, int]
    made: tuple[str, dict[str, Any], dict[str, Any]]
    """A path, the body of a POST to it, and what the database adds."""
    changed: tuple[str, dict[str, Any]]
    refused: list[tuple[str, str, int, dict[str, Any] | None]]
    raw: set[str] = field(default_factory=set)
    removed: str = ""
    """A resource that no other one refers to."""
    schema: str = "public"
    unmade: set[str] = field(default_factory=set)
    """Resources for which the written tests create no rows."""


DVD_RENTAL = Sample(
    "dvd_rental",
    rows={
        "/films/1": {
            "id": 1,
            "title": "Academy Dinosaur",
            "release_year": 2006,
            "rental_rate": "4.99",
            "rating": "PG",
            "special_features": ["Deleted Scenes", "Trailers"],
        },
        "/inventories/2": {"id": 2, "film_id": 2},
    },
    totals={"/films": 2, "/films?rating=PG": 1, "/films?title__icontains=gold": 1, "/rentals": 1},
    made=("/films", {"title": "New", "language_id": 1}, {"rental_duration": 3, "rating": "G"}),
    changed=("/films/1", {"rating": "R", "length": None}),
    refused=[
        ("GET", "/films/3", 404, None),
        ("GET", "/films/2147483648", 422, None),
        ("POST", "/films", 409, {"title": "New", "language_id": 9}),
        ("POST", "/films", 422, {"title": "New", "language_id": 1, "release_year": 1066}),
        ("POST", "/films", 422, {"title": "New", "language_id": 1, "fulltext": "new"}),
        ("DELETE", "/languages/1", 409, None),
    ],
    raw={"film_actor", "payment", "payment_p2022_01"},
    removed="rental",
)
FOOD_TRADE = Sample(
    "food_trade",
    rows={
        "/customers/ALFKI": {"id": "ALFKI", "company_name": "Alfreds Futterkiste"},
        "/employees/1": {"id": 1, "reports_to": 2, "hire_date": "1992-05-01"},
        "/territories/01581": {"id": "01581", "region_id": 1},
    },
    totals={"/customers": 2, "/employees?reports_to=2": 1, "/orders?order_date__lte=1996-07-04": 1},
    made=("/customers", {"id": "A&B %", "company_name": "New"}, {"city": None}),
    changed=("/products/1", {"units_in_stock": 5}),
    refused=[
        ("GET", "/customers/NONE", 404, None),
        ("GET", "/employees/32768", 422, None),
        ("PATCH", "/customers/ALFKI", 422, {"id": "OTHER"}),
        ("POST", "/customers", 422, {"company_name": "Without a key"}),
        ("POST", "/customers", 422, {"id": "a/b", "company_name": "Two parts"}),
        ("POST", "/customers", 422, {"id": "..", "company_name": "The folder above"}),
        ("POST", "/customers", 409, {"id": "BONAP", "company_name": "Twice"}),
        ("PATCH", "/employees/1", 422, {"hire_date": "1900-01-01"}),
    ],
    raw={"order_details", "customer_customer_demo"},
    removed="territory",
)
BICYCLE_MAKER = Sample(
    "bicycle_maker",
    rows={
        "/specialoffers/1": {"id": 1, "description": "No discount", "discountpct": "0.00"},
        "/salesorderheaders/1": {"customerid": 2, "totaldue": "3712.49"},
    },
    totals={"/specialoffers": 1, "/shoppingcartitems?productid=1": 1},
    made=("/specialoffers", {"description": "Spring"}, {"minqty": 0}),
    changed=("/salesorderheaders/1", {"taxamt": "1.00"}),
    refused=[
        ("GET", "/specialoffers/9", 404, None),
        ("POST", "/salesorderheaders", 409, {"customerid": 9}),
    ],
    raw={"specialofferproduct", "salesorderdetail"},
    removed="shoppingcartitem",
    schema="sales",
    unmade={"shoppingcartitem"},
)
AWKWARD = Sample(
    "awkward",
    rows={},
    totals={"/order-items": 0},
    made=("/order-items", {"class_value": "First"}, {"metadata_value": {}}),
    changed=("/order-items/2", {"class_value": "Second", "column_8": "1.50"}),
    refused=[("POST", "/order-items", 409, {"parent": 9})],  # This uses the first number.
    raw={"children", "follow_ups", "logs", "it's"},
    removed="secret",
)
# Each sample with one migration tool, and the one with the most features with both.
CASES = [(STACKS[0], DVD_RENTAL), (STACKS[1], AWKWARD)]
EXHAUSTIVE_CASES = [(STACKS[1], FOOD_TRADE), (STACKS[0], BICYCLE_MAKER)]


@pytest.fixture
def project(stack: Stack, render: Render, shared_path: Path, tmp_path: Path) -> Project:
    """Return an installed project that the test may change."""
    project = Project(Path(shutil.copytree(render(stack).path, tmp_path / "project")))
    project.sync(shared_path)
    return project


@contextmanager
def database(project: Project, name: str, script: str) -> Iterator[str]:
    """Yield the URL of a database that requires a password."""
    with project.postgres() as folder:
        rules = project.path / ".postgres" / "data" / "pg_hba.conf"
        rules.write_text(ASK_PASSWORDS + rules.read_text())
        source = project.path.parent / f"{project.path.name}.{name}.sql"
        source.write_text(OWNER + script)
        project.uv_run("python", "-c", MAKE_DATABASE, name, str(source))
        yield f"postgresql://reader:{SECRET}@/{name}?host={quote(str(folder), safe='')}"


@pytest.mark.parametrize(
    ("stack", "sample"),
    [
        *(pytest.param(*case, id=f"{case[1].name}-{case[0]}") for case in CASES),
        *(
            pytest.param(*case, id=f"{case[1].name}-{case[0]}", marks=pytest.mark.exhaustive)
            for case in EXHAUSTIVE_CASES
        ),
    ],
)
def test_serves_the_rows(stack: Stack, sample: Sample, project: Project, shared_path: Path) -> None:
    script = (SCRIPTS / f"{sample.name}.sql").read_text()
    with database(project, sample.name, script) as url:
        command = ["manage", "inspect", "--url", url, "--schema", sample.schema, "--write", "--yes"]
        printed = project.uv_run(*command)
        assert all(f"of {name}: no sample row" in printed for name in sample.unmade)
        assert all(f"No resource for {table}:" in printed for table in sample.raw)
        check_settled(project, url, written_tests(project, sample.unmade), shared_path)
        again = project.uv_run(*command)
        with project.serve(DATABASE_URL=url) as server, ApiSession(server) as session:
            check_rows(register(session, stack, "ann@example.org"), sample)
        if sample.schema == "public":
            add_fields(project, written_resources(project)[:3])
            check_settled(project, url, written_tests(project, sample.unmade), shared_path)
        project.uv_run("manage", "remove", sample.removed, "--yes")
        check_agreement(project, url)
    assert "nothing to do" in again
    assert not SECRET_PATTERN.search(printed + again)
    assert not [path for path in own_files(project) if SECRET_PATTERN.search(path.read_text())]
    schemas = [
        path for path in own_files(project) if "schemas" in path.parts or path.stem == "schemas"
    ]
    with_secrets = [path.parts[-2:] for path in schemas if SECRETS.search(path.read_text())]
    assert all(re.search(r"auth|\busers?\b", "/".join(parts)) for parts in with_secrets), (
        with_secrets
    )


def check_settled(project: Project, url: str, tests: list[str], cache: Path) -> None:
    """Check style, types and tests, and that no migration is needed."""
    project.uv_run("manage", "migrate", "apply", DATABASE_URL=url)
    check_agreement(project, url)
    check_style(project)
    check_types(project, cache)
    project.uv_run("pytest", "--quiet", "tests/core/test_migrations.py", *tests)


def written_resources(project: Project) -> list[str]:
    """Return the names of the resources for existing tables."""
    paths = project.path.glob("scaffold/resources/*.json")
    return sorted(path.stem for path in paths if "manage inspect" in path.read_text())


def add_fields(project: Project, resources: list[str]) -> None:
    """Add fields that existing rows can have."""
    fields = ("extra_rank:int,default=0,index", "extra_code:uuid,optional,unique")
    for name in resources:
        printed = project.uv_run("manage", "make", "field", name, *fields)
        assert "by hand" not in printed


def check_agreement(project: Project, url: str) -> None:
    """Check that models and database agree, so that no migration is needed."""
    printed = project.uv_run("manage", "migrate", "create", "-m", "more", DATABASE_URL=url)
    assert "no migration is needed" in printed


def written_tests(project: Project, unmade: set[str]) -> list[str]:
    """Return the written tests; all but those of `unmade` create rows."""
    records = [
        json.loads(path.read_text()) for path in project.path.glob("scaffold/resources/*.json")
    ]
    tests = [path for one in records for path in one["files"] if "/test_" in path]
    assert len(tests) == len(records)
    making = [path for path in tests if "CHANGE" in (project.path / path).read_text()]
    assert len(making) == len(tests) - len(unmade)
    return tests


def check_rows(user: ApiUser, sample: Sample) -> None:
    """Read, create, update and reject rows as the sample describes."""
    for path, row in sample.rows.items():
        assert row.items() <= user.request("GET", path, 200).items()
    for path, total in sample.totals.items():
        assert len(user.request("GET", path, 200)["items"]) == total, path
    for method, path, status, body in sample.refused:
        user.request(method, path, status, **({"json": body} if body else {}))
    path, given, added = sample.made
    made = user.request("POST", path, 201, json=given)
    assert (given | added).items() <= made.items()
    location = user.session.record[-1]["headers"]["location"]
    assert user.request("GET", location.removeprefix("/api/v1"), 200) == made
    path, change = sample.changed
    changed = user.request("PATCH", path, 200, json=change)
    assert change.items() <= changed.items()
    assert user.request("GET", path, 200) == changed


def own_files(project: Project) -> list[Path]:
    """List all files except those of tools and of the database server."""
    skipped = re.compile(r"\.venv|\.local|\.postgres|\.\w+_cache|__pycache__")
    inside = (path.relative_to(project.path) for path in project.path.rglob("*"))
    paths = [path for path in inside if not skipped.match(path.parts[0])]
    return [
        project.path / path
        for path in paths
        if (project.path / path).is_file() and "__pycache__" not in path.parts
    ]


@pytest.mark.parametrize("sentence", REFUSALS)
def test_writes_all_or_nothing(sentence: str, install: Install) -> None:
    stack, script = REFUSALS[sentence]
    project = install(stack)
    with project.lock():
        project.delete_database()
        before = {path: path.read_bytes() for path in own_files(project)}
        with (
            database(project, "shop", script) as url,
            pytest.raises(AssertionError, match=f"Error: .*{sentence}"),
        ):
            project.uv_run("manage", "inspect", "--url", url, "--write", "--yes")
        assert {path: path.read_bytes() for path in own_files(project)} == before
        project.delete_database()


def test_runs_nothing_of_the_database(install: Install) -> None:
    project = install(STACKS[1])
    tables = [
        statement.replace("TABLE notes", f"TABLE notes_{number}")
        for number, statement in enumerate(LEADING.values())
    ]
    mark = project.path / ".postgres" / "data" / "mark"
    with project.lock():
        project.delete_database()
        with database(project, "shop", "\n".join([MAKING_A_MARK, *tables])) as url:
            printed = project.uv_run("manage", "inspect", "--url", url, "--write", "--dry-run")
            is_marked = mark.exists()
        project.delete_database()
    assert "create_existing_tables" in printed
    assert all(f"notes_{number}" in printed for number in range(len(tables)))
    assert not is_marked
