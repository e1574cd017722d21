"""The command `manage make field`: fields are added to resources, edited ones too."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Install, Render
from tests.support.checks import check_style, check_types, run_own_tests
from tests.support.projects import Project
from tests.support.sample_resources import make, tree, without_versions
from tests.support.scaffolds import Scaffold
from tests.support.stacks import OPPOSITES, STACKS, Stack, each

PURCHASE = ("purchase", "number:int,unique", "note:text,optional", "--owned")
# Fields that a table with rows can get, and others that an empty table can get.
OPTIONAL = (
    *("replaces:ref:purchase,optional,on_delete=null", "seller:ref:user,optional,load=joined"),
    *(
        "quantity:int,default=1,min=1,max=99",
        "sku:str:20,index,optional,min=3",
        "code:uuid,unique,optional",
    ),
    *("status:enum:draft/paid,default=draft", "packed_at:time,default=09:30"),
    *("details:json,default={}", "day:date,default=today", "--sort=packed_at"),
)
REQUIRED = ("buyer:ref:user", "price:decimal:10:2,index", "email:email,unique", "--sort=price")
ALL = (*PURCHASE[:-1], *OPTIONAL[:-1], *REQUIRED[:-1], "--sort=packed_at", "--sort=price")
RATING = ("rating:int,default=0,index",)
SLUG = ("slug:str:100,optional,unique", "status:enum:draft/live,default=draft")

# Each command changes nothing and names the problem.
REFUSED = {
    ("article",): "Name the fields to add",
    ("nothing", "x:int"): "There is no record of a resource 'nothing': correct the name",
    ("articles", "x:int"): "There is no record of a resource 'articles': use article",
    ("user", "x:int"): "There is no record of a resource 'user': add the field to its code by hand",
    ("../article", "x:int"): "There is no record of a resource '../article'",
    ("article", "title:int"): "Article in app.articles.models already has title",
    ("article", "owner:ref:user,optional"): "owner_id is a column of the kernel",
    ("article", "x:int,optional", "x:str,optional"): "x is used twice",
    ("article", "select:int,optional"): "select is a reserved word in SQL",
    ("article", "x:number"): "x: unknown type 'number'",
    ("article", "x:int,primary"): "x: unknown flag 'primary'",
    ("article", "password:str,optional"): "password sounds like a secret",
    ("article", "x" * 60 + ":int,optional"): "is too long for a column of articles",
    ("article", "x:int,optional", "--sort=x"): "an optional field can be null",
    ("article", "x:int,default=1", "--sort=title"): "lists can be sorted by the new fields (x)",
    ("article", "x:int,default=1", "--owned"): "`make field` accepts only",
    ("article", "buyer:ref:buyer,optional"): "The resource buyer does not exist",
}


@each(OPPOSITES, exhaustive=STACKS)
def test_added_as_made(stack: Stack, render: Render, shared_path: Path, tmp_path: Path) -> None:
    """Add fields twice; the files are those that one `manage make` with all fields writes."""
    project = Project(tmp_path / "project")
    shutil.copytree(render(stack).path, project.path)
    project.sync(shared_path)
    rendered = tree(project.path)
    make(project, PURCHASE, ("field", "purchase", *OPTIONAL), ("field", "purchase", *REQUIRED))
    added = tree(project.path)

    check_style(project)
    check_types(project, shared_path)
    tests = [path for path in added.keys() - rendered if "/test_" in path]
    run_own_tests(project, "tests/core/test_migrations.py", *tests)
    project.uv_run("manage", "migrate", "apply")
    created = project.uv_run("manage", "migrate", "create", "-m", "more")
    assert "no migration is needed" in created
    project.uv_run("manage", "doctor")
    assert "nothing to do" in project.uv_run("manage", "make", *ALL, "--owned")

    project.uv_run("manage", "remove", "purchase", "--yes")
    assert tree(project.path) == rendered
    make(project, (*ALL, "--owned"))
    assert get_code(tree(project.path)) == get_code(added)


def get_code(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files except those that contain or record migrations."""
    return {
        path: text
        for path, text in without_versions(files).items()
        if not path.startswith(("migrations/", "scaffold/resources/"))
    }


@pytest.fixture
def scaffold(install: Install, render: Render, tmp_path: Path) -> Scaffold:
    stack = OPPOSITES[0]
    return Scaffold.copy(install(stack), render(stack).path, tmp_path / "project")


def add(scaffold: Scaffold, *words: str) -> str:
    return scaffold.manage("make", "field", "article", *words)


def edit(scaffold: Scaffold, path: str, *replacements: tuple[str, str]) -> None:
    text = (scaffold.path / path).read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    (scaffold.path / path).write_text(text)


def get_new_migration(scaffold: Scaffold) -> str:
    [path] = (scaffold.path / "migrations/app").glob("2*")
    return path.read_text()


@pytest.mark.parametrize(
    "options",
    [
        ("--no-routes", "--soft-delete"),
        ("--write", "admin", "--read-public", "--plural", "depot_list"),
        ("--owned", "--no-migration", "--sort=number"),
    ],
)
def test_options_of_the_resource_are_kept(scaffold: Scaffold, options: tuple[str, ...]) -> None:
    fields = ("number:int,unique", "city:str:20,optional,min=3")
    scaffold.manage("make", "depot", fields[0], *options)
    migration = ("--no-migration",) if "--no-migration" in options else ()
    scaffold.manage("make", "field", "depot", fields[1], *migration)
    added = scaffold.tree()
    assert "nothing to do" in scaffold.manage("make", "depot", *fields, *options)

    scaffold.manage("remove", "depot", "--yes")
    scaffold.manage("make", "depot", *fields, *options)
    assert get_code(scaffold.tree()) == get_code(added)


class TestRefused:
    @pytest.mark.quick
    def test_in_a_sentence(self, scaffold: Scaffold) -> None:
        for words, reason in REFUSED.items():
            assert reason in scaffold.refusal("make", "field", *words), words

    def test_required_if_others_may_have_rows(self, scaffold: Scaffold) -> None:
        url = "postgresql://nobody@127.0.0.1:1/none"
        for field, remedy in (
            ("x:int", "add the flag optional or default=…;"),
            ("x:uuid", "add the flag optional;"),
            ("buyer:ref:user", "add the flag optional;"),
        ):
            refusal = scaffold.refusal("make", "field", "article", field, DATABASE_URL=url)
            assert "existing rows of articles have no value for it" in refusal
            assert remedy in refusal

    def test_required_if_there_are_rows(self, scaffold: Scaffold) -> None:
        scaffold.manage("make", "tag")
        scaffold.manage("migrate", "apply")
        scaffold.manage("make", "field", "tag", "label:str")
        scaffold.manage("migrate", "apply")
        insert = "INSERT INTO tags (id, label) VALUES (gen_random_uuid(), 'x')"
        run_sql(scaffold, insert)
        assert "existing rows of tags" in scaffold.refusal("make", "field", "tag", "x:int")
        scaffold.manage("make", "field", "tag", "x:int,default=7")
        scaffold.manage("migrate", "apply")

    def test_required_without_a_recorded_table(self, scaffold: Scaffold) -> None:
        scaffold.manage("make", "tag", "--no-migration")
        scaffold.manage("make", "field", "tag", *RATING)
        assert "existing rows of tags" in scaffold.refusal("make", "field", "tag", "x:int")
        scaffold.manage("remove", "tag", "--yes")
        assert "Add rating to tags." in get_new_migration(scaffold)

    def test_damaged_record(self, scaffold: Scaffold) -> None:
        edit(scaffold, "scaffold/resources/article.json", ("manage make article title", "'title"))
        refusal = scaffold.refusal("make", "field", "article", *RATING)
        assert "scaffold/resources/article.json is not a valid record" in refusal

    def test_model_is_not_registered(self, scaffold: Scaffold) -> None:
        edit(scaffold, "app/models.py", ("from app.articles.models import Article\n", ""))
        refusal = scaffold.refusal("make", "field", "article", *RATING)
        assert refusal.startswith("The registry of models has no Article")


def run_sql(scaffold: Scaffold, sql: str) -> None:
    program = (
        "import sys\n"
        "from sqlalchemy import text\n"
        "from manage.connection import run_on_connection\n"
        "from manage.database import get_migration_url\n"
        "def run(connection):\n"
        "    with connection.begin():\n"
        "        connection.execute(text(sys.argv[1]))\n"
        "run_on_connection(get_migration_url(), run)\n"
    )
    done = scaffold.run("-c", program, sql)
    assert done.returncode == 0, done.stderr


class TestShown:
    @pytest.mark.quick
    def test_rehearsal(self, scaffold: Scaffold) -> None:
        before = scaffold.tree()
        shown = add(scaffold, *RATING, "--dry-run")
        assert scaffold.tree() == before
        assert "change app/articles/models.py\n" in shown
        assert (
            '\n+    rating: Mapped[int] = mapped_column(index=True, server_default=text("0"))\n'
            in (shown)
        )

    @pytest.mark.quick
    def test_migration(self, scaffold: Scaffold) -> None:
        printed = add(scaffold, *RATING)
        assert printed.endswith(
            "Added rating to article. Run `uv run manage migrate apply` to add the column to the"
            " table.\n"
        )
        migration = get_new_migration(scaffold)
        assert '"""Add rating to articles."""' in migration
        assert 'op.create_index(op.f("ix_articles_rating"), "articles", ["rating"])' in migration
        assert migration.endswith('    op.drop_column("articles", "rating")\n')

    def test_no_migration(self, scaffold: Scaffold) -> None:
        assert "manage migrate create" in add(scaffold, *RATING, "--no-migration")
        assert not [*(scaffold.path / "migrations/app").glob("2*")]

    @pytest.mark.quick
    def test_resource_named_field(self, scaffold: Scaffold) -> None:
        """Without a colon in the first word, it is the resource that gets the fields."""
        assert "Created field." in scaffold.manage("make", "field", "label:str")
        assert "Added size to field." in scaffold.manage(
            "make", "field", "field", "size:int,default=1"
        )


class TestUnedited:
    def test_removal_leaves_no_trace(self, scaffold: Scaffold) -> None:
        before = scaffold.tree()
        scaffold.manage("make", "order", "number:int")
        scaffold.manage("migrate", "apply")
        scaffold.manage("make", "field", "order", *SLUG)
        scaffold.manage("migrate", "apply")
        scaffold.manage("make", "field", "order", *RATING)
        removed = scaffold.manage("remove", "order", "--yes")
        assert removed.count("Rolled back") == 2
        assert scaffold.tree() == before
        assert "no migration is needed" in scaffold.manage("migrate", "create", "-m", "more")

    def test_removal_after_another_migration(self, scaffold: Scaffold) -> None:
        scaffold.manage("make", "order", "number:int")
        scaffold.manage("make", "line", "number:int")
        scaffold.manage("make", "field", "order", *RATING)
        assert "Later migrations changed its table" in scaffold.manage("remove", "order", "--yes")
        migrations = {path.name for path in (scaffold.path / "migrations/app").glob("2*")}
        assert {re.sub(r"\d+_", "", name) for name in migrations} == {
            "create_orders.py",
            "create_lines.py",
            "add_rating_to_orders.py",
        }

    def test_line_endings(self, scaffold: Scaffold) -> None:
        """Git may check files out with carriage returns."""
        edit(scaffold, "app/articles/models.py", ("    published:", "    # Ours.\n    published:"))
        paths = [scaffold.path / f"app/articles/{name}.py" for name in ("models", "schemas")]
        for path in paths:
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        add(scaffold, *RATING, "--sort=rating")
        for path, count in zip(paths, (1, 4), strict=True):
            text = path.read_bytes()
            assert text.count(b"    rating: ") == count
            assert text.count(b"\n") == text.count(b"\r\n")

    def test_templates_changed_since(self, scaffold: Scaffold) -> None:
        """The files keep what the older template wrote."""
        edit(
            scaffold,
            "scaffold/app/NAMES/models.py.jinja",
            ("\nclass {{ Name }}", "\n# New\nclass {{ Name }}"),
        )
        add(scaffold, *RATING)
        assert "# New" not in (scaffold.path / "app/articles/models.py").read_text()
        assert "rating" in (scaffold.path / "app/articles/models.py").read_text()
        scaffold.manage("remove", "article", "--yes")


class TestEdited:
    def test_edits_stay(self, scaffold: Scaffold) -> None:
        edit(
            scaffold,
            "app/articles/models.py",
            ("from sqlalchemy import", "from sqlalchemy import Index,"),
            ('(sort_index("title"),)', '(sort_index("title"), Index("ix_ours", "published"))'),
            ("    published:", "    # Visible to readers.\n    published:"),
            (
                "server_default=false())\n",
                "server_default=false())\n    ours: Mapped[str | None]\n",
            ),
        )
        edit(
            scaffold,
            "app/articles/schemas.py",
            ("\n\nclass ArticleCreate", '\nOURS = "ours"\n\n\nclass ArticleCreate'),
            ('        "-title",\n', '        "-title",\n        "ours",  # not an index\n'),
        )
        edit(
            scaffold,
            "tests/articles/test_routes.py",
            ("class TestGet:", "class TestOurs:\n    pass\n\n\nclass TestGet:"),
            ('    {"title": ""},\n', '    {"title": ""},  # ours\n'),
        )
        scaffold.manage("make", "field", "article", *RATING, *SLUG, "--sort=rating")
        model = (scaffold.path / "app/articles/models.py").read_text()
        assert model.endswith(
            """    # Visible to readers.
    published: Mapped[bool] = mapped_column(server_default=false())
    ours: Mapped[str | None]
    rating: Mapped[int] = mapped_column(index=True, server_default=text("0"))
    slug: Mapped[str | None] = mapped_column(String(100), unique=True)
    status: Mapped[ArticleStatus] = mapped_column(text_enum(ArticleStatus), server_default="draft")
"""
        )
        schemas = (scaffold.path / "app/articles/schemas.py").read_text()
        assert '"ours",  # not an index\n        "rating",\n        "-rating",\n' in schemas
        scaffold.check("ruff", "format", "--check", "app/articles/schemas.py", "tests/articles")
        scaffold.check("ruff", "check", "app/articles", "tests/articles")
        assert "You edited app/articles/models.py" in scaffold.refusal("remove", "article", "--yes")

    def test_what_has_no_place_is_printed(self, scaffold: Scaffold) -> None:
        edit(scaffold, "app/articles/schemas.py", ("class ArticleQuery(", "class Articles("))
        edit(scaffold, "tests/articles/factory.py", ("    defaults:", "    row:"))
        before = scaffold.tree()
        printed = add(scaffold, *RATING)
        now = scaffold.tree()
        assert "Edit app/articles/schemas.py by hand. It has no `class ArticleQuery(" in printed
        assert "\n+    rating__gte: Int32 | None = None\n" in printed
        assert "Edit tests/articles/factory.py by hand. It has no `defaults:" in printed
        for path in ("app/articles/schemas.py", "tests/articles/factory.py"):
            assert now[path] == before[path]
        assert b"rating" in now["app/articles/models.py"]

    def test_deleted_files_and_tests(self, scaffold: Scaffold) -> None:
        tests = scaffold.path / "tests/articles/test_routes.py"
        text = tests.read_text()
        start = text.index("    async def test_null(")
        end = text.index("    async def test_", start + 10)
        tests.write_text(text[:start] + text[end:])
        (scaffold.path / "tests/articles/factory.py").unlink()
        printed = add(scaffold, *RATING)
        assert "Edit tests/articles/factory.py by hand. It does not exist:" in printed
        assert printed.count("by hand") == 1
        assert '"rating": 2,' in tests.read_text()
        assert "test_null" not in tests.read_text()

    def test_record_of_edited_files(self, scaffold: Scaffold) -> None:
        """A file that was edited before counts as edited after."""
        edit(scaffold, "app/articles/models.py", ("    published:", "    # Ours.\n    published:"))
        add(scaffold, *RATING)
        add(scaffold, *SLUG)
        record = json.loads((scaffold.path / "scaffold/resources/article.json").read_text())
        assert [path for path in record["files"] if path.startswith("migrations/")][1:] == sorted(
            path.relative_to(scaffold.path).as_posix()
            for path in (scaffold.path / "migrations/app").glob("2*")
        )
        assert "rating:int,default=0,index" in record["command"]
        assert "slug:str:100,optional,unique" in record["command"]
        edited = scaffold.refusal("remove", "article", "--yes")
        assert edited.startswith("You edited app/articles/models.py: add --force")
