"""Updates bring kernel migrations into projects with many migrations of their own."""

import re
from pathlib import Path

import pytest

from tests.support.kernel_changes import ANCHOR, add_locale
from tests.support.projects import Project
from tests.support.releases import NEXT, GitProject, Template
from tests.support.renderings import difference
from tests.support.schema_dumps import SCHEMA, statements
from tests.support.stacks import OPPOSITES, Stack, each

pytestmark = pytest.mark.update

OWN = 50
# Statements that remove what a team's migration may use: a new database runs that later.
TAKES_AWAY = re.compile(
    r"\b(drop_column|drop_table|alter_column|rename_table|DROP COLUMN|DROP TABLE|RENAME|TYPE)\b"
)


@pytest.fixture
def template(checkout: Path, tmp_path: Path) -> Template:
    return Template(checkout, tmp_path / "template")


@pytest.fixture
def old_project(stack: Stack, template: Template, shared_path: Path, tmp_path: Path) -> Project:
    """Return a committed project with a user and fifty migrations of its own."""
    repository = GitProject.create(template, tmp_path / "project", stack.answers)
    project = Project(repository.path)
    project.sync(shared_path)
    models = "app/models/user.py" if stack.layout == "per-layer" else "app/users/models.py"
    repository.append(models, "    nickname: Mapped[str | None]\n", after=ANCHOR)
    project.uv_run("manage", "migrate", "apply")
    write_migrations(project)
    project.uv_run("manage", "migrate", "apply")
    project.uv_run("manage", "seed")
    project.run_sql("UPDATE users SET nickname = 'Old'")
    repository.commit("Fifty migrations")
    return project


@each(OPPOSITES[:1], exhaustive=OPPOSITES)
def test_reaches_an_old_database(stack: Stack, template: Template, old_project: Project) -> None:
    add_locale(template)
    template.release(NEXT)

    GitProject(old_project.path).run()
    applied = old_project.uv_run("manage", "migrate", "apply")

    assert len(re.findall(r"Applied core\S+", applied)) == 1
    assert old_project.run_sql("SELECT nickname, locale FROM users").split() == ["Old|en"]
    nothing = old_project.uv_run("manage", "migrate", "create", "-m", "nothing")
    assert "no migration is needed" in nothing
    lose_template(old_project)
    assert "No problems found" in old_project.uv_run("manage", "doctor")
    own_tests = "tests/routes/test_user.py" if stack.layout == "per-layer" else "tests/users"
    old_project.uv_run("pytest", "--quiet", own_tests)

    rolled_back = old_project.uv_run("manage", "migrate", "rollback")
    again = old_project.uv_run("manage", "migrate", "apply")
    assert [len(re.findall("Rolled back", rolled_back)), len(re.findall("Applied", again))] == [
        1,
        1,
    ]
    assert "core" not in again
    old = dump_schema(old_project)
    old_project.delete_database()
    old_project.uv_run("manage", "migrate", "apply")
    assert not (found := difference(old, dump_schema(old_project))), found


def test_takes_nothing_away(checkout: Path) -> None:
    """A new database runs the kernel's migrations before older ones of the team."""
    first = "0001_create_users"
    files = [
        path
        for folder in ("core", "*tenants*")
        for path in checkout.glob(f"template/migrations/{folder}/*")
        if first not in path.name
    ]
    assert files
    for path in files:
        assert not (found := TAKES_AWAY.findall(upgrade_part(path.read_text()))), (path.name, found)


def upgrade_part(migration: str) -> str:
    """Return a migration without its downgrade."""
    return re.split(r"^(?:def downgrade|-- migrate:down)", migration, flags=re.MULTILINE)[0]


def write_migrations(project: Project) -> None:
    """Write fifty migrations that depend on each other, as `manage migrate create` does."""
    said = project.uv_run("manage", "migrate", "create", "--empty", "-m", "step")
    first = Path(re.findall(r"Wrote (.+)", said)[0])
    empty, version = first.read_text(), int(first.name.partition("_")[0])
    first.unlink()
    for number in range(OWN):
        name = f"{version + number}_step_{number}{first.suffix}"
        first.with_name(name).write_text(chain_migration(fill_migration(empty, number), number))


def fill_migration(empty: str, number: int) -> str:
    """Add a column in the first migration, and in each later one a function that calls the last."""
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


def chain_migration(migration: str, number: int) -> str:
    """Set the revision and the one before it, in migrations that name them."""
    migration = re.sub(r'(?m)^revision = ".+"', f'revision = "step_{number}"', migration)
    follows = f'down_revision = "step_{number - 1}"'
    return re.sub('(?m)^down_revision = ".+"', follows, migration) if number else migration


def lose_template(project: Project) -> None:
    """Make the template unavailable, which saves the time to render it."""
    answers = project.path / ".copier-answers.yml"
    answers.write_text(re.sub("(?m)^_src_path: .*$", "_src_path: /nowhere", answers.read_text()))


def dump_schema(project: Project) -> str:
    """Dump the schema, with lines sorted because the order of columns may differ."""
    lines = statements(project.uv_run("python", "-c", SCHEMA)).splitlines()
    return "\n".join(sorted(line.rstrip(",") for line in lines))
