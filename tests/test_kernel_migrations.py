"""Migrations of the kernel come by update into projects with a long history of their own."""

import re
from pathlib import Path

import pytest

from tests.kernel_changes import ANCHOR, add_locale
from tests.projects import Project
from tests.releases import NEXT, Template, Update
from tests.renderings import difference
from tests.stacks import OPPOSITES, Stack, each
from tests.test_equivalence import SCHEMA, statements

pytestmark = pytest.mark.update

OWN = 50
# What takes away something that a team's migration, which a new database runs later, may name.
TAKES_AWAY = re.compile(
    r"\b(drop_column|drop_table|alter_column|rename_table|DROP COLUMN|DROP TABLE|RENAME|TYPE)\b"
)
ROWS = """
import sys
from manage.postgres import DATABASE, get_local_server
get_local_server().start()
print(get_local_server().run_sql(sys.argv[1], database=DATABASE))
get_local_server().release()
"""


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    return Template(checkout, tmp_path / "template")


@pytest.fixture
def grown(stack: Stack, template: Template, workshop: Path, tmp_path: Path) -> Project:
    """A project with fifty migrations of its own and a user, as committed by its team."""
    born = Update.born(template, tmp_path / "project", stack.answers)
    project = Project(born.path)
    project.sync(workshop)
    models = "app/models/user.py" if stack.layout == "per-layer" else "app/users/models.py"
    born.append(models, "    nickname: Mapped[str | None]\n", behind=ANCHOR)
    project.uv_run("manage", "migrate", "apply")
    write_migrations(project)
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "seed")
    query(project, "UPDATE users SET nickname = 'Old'")
    born.commit("Fifty migrations")
    return project


@each(OPPOSITES)
def test_reaches_an_old_database(stack: Stack, template: Template, grown: Project) -> None:
    add_locale(template)
    template.release(NEXT)

    Update(grown.path).run()
    applied = grown.uv_run("manage", "migrate", "apply")

    assert len(re.findall(r"Applied core\S+", applied)) == 1
    assert query(grown, "SELECT nickname, locale FROM users").split() == ["Old|en"]
    nothing = grown.uv_run("manage", "migrate", "create", "-m", "nothing")
    assert "no migration is needed" in nothing
    lose_template(grown)
    assert "No problems found" in grown.uv_run("manage", "doctor")
    own_tests = "tests/routes/test_user.py" if stack.layout == "per-layer" else "tests/users"
    grown.uv_run("pytest", "--quiet", own_tests)

    rolled_back = grown.uv_run("manage", "migrate", "rollback")
    again = grown.uv_run("manage", "migrate", "apply")
    assert [len(re.findall("Rolled back", rolled_back)), len(re.findall("Applied", again))] == [
        1,
        1,
    ]
    assert "core" not in again
    old = schema(grown)
    grown.start_afresh()
    grown.uv_run("manage", "migrate", "apply")
    assert not (found := difference(old, schema(grown))), found


def test_takes_nothing_away(checkout: Path) -> None:
    """A new database runs the kernel's migrations before those that the team wrote earlier."""
    first = "0001_create_users"
    files = [
        path
        for folder in ("core", "*tenants*")
        for path in checkout.glob(f"template/migrations/{folder}/*")
        if first not in path.name
    ]
    assert files
    for path in files:
        assert not (found := TAKES_AWAY.findall(upwards(path.read_text()))), (path.name, found)


def upwards(migration: str) -> str:
    """Without what undoes it."""
    return re.split(r"^(?:def downgrade|-- migrate:down)", migration, flags=re.MULTILINE)[0]


def write_migrations(project: Project) -> None:
    """Fifty that build upon one another, in the form of what `manage migrate create` writes."""
    said = project.uv_run("manage", "migrate", "create", "--empty", "-m", "step")
    first = Path(re.findall(r"Wrote (.+)", said)[0])
    empty, version = first.read_text(), int(first.name.partition("_")[0])
    first.unlink()
    for number in range(OWN):
        name = f"{version + number}_step_{number}{first.suffix}"
        first.with_name(name).write_text(placed(filled(empty, number), number))


def filled(empty: str, number: int) -> str:
    """The first adds a column, the next count it by functions that call the one before."""
    name, count = f"step_{number}()", "SELECT count(nickname) FROM users"
    body = f"SELECT step_{number - 1}()" if number > 1 else count
    up = f"CREATE FUNCTION {name} RETURNS bigint LANGUAGE sql AS '{body}'"
    down = f"DROP FUNCTION {name}"
    if not number:
        up, down = (f"ALTER TABLE users {one} nickname" for one in ("ADD", "DROP"))
        up += " varchar"
    if empty.startswith("-- migrate:up"):
        return f"-- migrate:up\n{up};\n\n-- migrate:down\n{down};\n"
    return empty.replace("pass", f'op.execute("{up}")', 1).replace("pass", f'op.execute("{down}")')


def placed(migration: str, number: int) -> str:
    """Behind the one before, where files say so."""
    migration = re.sub(r'(?m)^revision = ".+"', f'revision = "step_{number}"', migration)
    follows = f'down_revision = "step_{number - 1}"'
    return re.sub('(?m)^down_revision = ".+"', follows, migration) if number else migration


def lose_template(project: Project) -> None:
    """Spare the doctor the seconds that it takes to render it."""
    answers = project.path / ".copier-answers.yml"
    answers.write_text(re.sub("(?m)^_src_path: .*$", "_src_path: /nowhere", answers.read_text()))


def query(project: Project, sql: str) -> str:
    """What the local database answers to its superuser."""
    return project.uv_run("python", "-c", ROWS, sql)


def schema(project: Project) -> str:
    """Its dump, whatever the order of columns is."""
    lines = statements(project.uv_run("python", "-c", SCHEMA)).splitlines()
    return "\n".join(sorted(line.rstrip(",") for line in lines))
