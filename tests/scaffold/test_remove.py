"""The command `manage remove`: it removes what `manage make` made, and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chassis_tools.scaffolding.names import derive_names
from chassis_tools.scaffolding.project import Project, is_table_changed
from chassis_tools.scaffolding.templates import read_record
from chassis_tools.scaffolding.usage import find_uses
from manage.errors import CommandError

from tests.conftest import Install, Render
from tests.support.scaffolds import Scaffold
from tests.support.stacks import OPPOSITES, Stack, each

REMOVE_ORDER = ("remove", "order", "--yes")
MIGRATIONS = "tests/core/test_migrations.py"

# Statements that use the resource `order`, and some that do not.
USES = (
    "from app.orders.models import Order",
    "from app.orders import models",
    "from app.models import Order",
    "from app.routes import orders",
    "import app.orders.service",
    "from .orders.models import Order",
    "from . import orders",
    "import app.orders",
    "from app import models; print(models.Order.id)",
    "import app.models as registry; registry.Order",
    "import app.models; app.models.Order()",
    "from app.models import *; Order",
    "from app import routes; routes.orders.routes",
    'KEY = "orders.id"',
    'ForeignKey("orders.number")',
    'foreign_key("public.orders.id", ondelete="CASCADE")',
    'order = relationship("Order")',
    'orders = orm.relationship(secondary="orders")',
    'lines = relationship(primaryjoin=lambda: "Order.id == Line.order_id")',
    'order: Mapped["Order | None"]',
    'orders: orm.Mapped[list["Order"]]',
    'Base.metadata.tables["orders"]',
    'sa.table("orders", sa.column("id"))',
    'Table("orders", metadata, autoload_with=engine)',
    'getattr(models, "Order")',
    'import_module("app.orders.service")',
    'patch("app.orders.service.OrderService.get")',
    'text("SELECT count(*) FROM orders")',
    'text("""\n        WITH late AS (select o.id from line l, orders o) SELECT 1""")',
    'text(f"SELECT {columns} FROM public.orders WHERE id = {key}")',
    'text("insert into orders (number) values (1)")',
    "text('UPDATE \"orders\" SET number = 1')",
    'text("DELETE FROM orders")',
    'text("TRUNCATE lines, orders")',
    'text("CREATE INDEX ON orders (number)")',
    'text("CREATE TABLE lines (order_id uuid REFERENCES orders (id))")',
    'text("CREATE TABLE old_orders (LIKE public.orders INCLUDING ALL)")',
    'text("GRANT SELECT ON lines, orders TO reader")',
    "text(\"COMMENT ON TABLE orders IS 'Orders'\")",
    'text("DROP TRIGGER audit ON orders")',
    'text("ALTER POLICY p ON orders USING (true)")',
    'text("ALTER TABLE IF EXISTS ONLY orders ADD note text")',
    'text("VACUUM (FULL) orders")',
    'text("REFRESH MATERIALIZED VIEW CONCURRENTLY orders")',
    'text("TABLE orders")',
    "text(\"SELECT 'orders'::regclass\")",
    "text(\"SELECT ';' FROM orders -- all of them\")",
    'text("Select * From orders")',
    'text("select * FROM ORDERS")',
    'text("SELECT * " + COLUMNS + " FROM " "orders")',
    'text("SELECT * FROM " + schema + ".orders")',
    'text("SELECT * FROM {}.orders".format(schema))',
    'text(f"UPDATE {schema}.orders SET number = 1")',
)
OTHER_CODE = (
    "from app.orders import taxes",
    "import app.orders.taxes; app.orders.taxes.RATE",
    "from app.models import Article as Order",
    "from app import models; models.Article; Order",
    'lines = relationship("Line", back_populates="orders")',
    'name = "Order"',
    'title = "Select a customer from the list of orders"',
    'label = "orders.csv"',
    'counts["orders"] = get("orders")',
    '"""SELECT 1 FROM orders"""',
    'text("SELECT 1 FROM order_lines, orders_of_old")',
    'text("SELECT 1 FROM lines; -- the orders, and those FROM orders")',
    'text("SELECT 1 FROM lines; /* FROM orders */")',
    'text("SELECT orders FROM lines WHERE orders > 1")',
    'text("INSERT INTO lines (number, orders) VALUES (1, 2)")',
    'summary = "Update orders"',
    'summary = "Lock orders, or set them free"',
    '"Delete an invoice" + " from orders"',
)

SMALL_PROJECT = {
    "app/models.py": "from app.orders.models import Order\n",
    "app/routes.py": "from app.orders.routes import router as orders\n",
    "app/builtin/models.py": "",
    "app/orders/__init__.py": "",
    "app/orders/models.py": 'class Order:\n    __tablename__ = "orders"\n    number: Mapped[int]\n',
    "app/orders/routes.py": "router = APIRouter()\n",
    "app/orders/service.py": "",
}


def make_record(**said: Any) -> str:
    """Return a record with some values replaced."""
    return json.dumps({"command": "manage make order", "plural": "orders", "files": {}} | said)


DAMAGED = {
    "cut off": make_record()[:-5],
    "no text": "\xff",
    "a list": "[]",
    "nested": "[" * 100_000,
    "nothing": "{}",
    "another command": make_record(command=None),
    "another plural": make_record(plural="orders\n"),
    "a number for a plural": make_record(plural=1),
    "files in a list": make_record(files=["app/orders/models.py"]),
    "a hash of another type": make_record(files={"app/orders/models.py": {}}),
    "outside": make_record(files={"../secret": ""}),
    "from the root": make_record(files={"/etc/hosts": ""}),
    "an empty path": make_record(files={"": ""}),
    "a zero": make_record(files={"app/\0": ""}),
    "a surrogate": make_record(files={"app/\ud800": ""}),
    "a long name": make_record(files={"a" * 300: ""}),
}


@pytest.fixture
def scaffold(install: Install, render: Render, tmp_path: Path) -> Scaffold:
    stack = OPPOSITES[0]
    return Scaffold.copy(install(stack), render(stack).path, tmp_path / "project")


@pytest.fixture
def order_project(scaffold: Scaffold) -> Scaffold:
    scaffold.manage("make", "order", "number:int")
    return scaffold


class TestRemoved:
    @pytest.mark.quick
    def test_leaves_no_trace(self, scaffold: Scaffold) -> None:
        before = scaffold.tree()
        scaffold.manage("make", "order", "number:int")
        scaffold.manage(*REMOVE_ORDER)
        assert scaffold.tree() == before

    def test_name_within_others(self, scaffold: Scaffold) -> None:
        """Remove `art` where `article` and `chart` exist."""
        scaffold.manage("make", "chart")
        before = scaffold.tree()
        assert "no record of a resource 'art'" in scaffold.refusal("remove", "art", "--yes")
        scaffold.manage("make", "art")
        scaffold.manage("remove", "art", "--yes")
        assert scaffold.tree() == before

    @pytest.mark.quick
    def test_twice(self, order_project: Scaffold) -> None:
        order_project.manage(*REMOVE_ORDER)
        assert "no record of a resource 'order'" in order_project.refusal(*REMOVE_ORDER)

    def test_rehearsal(self, order_project: Scaffold) -> None:
        before = order_project.tree()
        shown = order_project.manage("remove", "order", "--dry-run")
        assert "delete app/orders/models.py\n" in shown
        assert "+++ /dev/null" in shown
        assert order_project.tree() == before

    def test_files_of_the_team_stay(self, order_project: Scaffold) -> None:
        order_project.write("app/orders/taxes.py", "RATE = 20\n")
        order_project.manage(*REMOVE_ORDER)
        left = {path.name for path in (order_project.path / "app/orders").iterdir()}
        assert left == {"__init__.py", "taxes.py"}

    def test_files_that_are_gone_are_no_hindrance(self, order_project: Scaffold) -> None:
        for path in ("models", "service", "repository"):
            (order_project.path / f"app/orders/{path}.py").unlink()
        order_project.manage(*REMOVE_ORDER)
        assert not [
            path for path in order_project.tree() if "/order" in path and "ordering" not in path
        ]


class TestRefused:
    @pytest.mark.quick
    @pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
    def test_damaged_record(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "scaffold/resources").mkdir(parents=True)
        (tmp_path / "scaffold/resources/order.json").write_text(text, "latin-1")
        with pytest.raises(CommandError, match="is not a valid record of a resource: restore it"):
            read_record(tmp_path, "order")

    def test_damaged_record_of_a_resource(self, order_project: Scaffold) -> None:
        order_project.write("scaffold/resources/order.json", DAMAGED["another plural"])
        assert "is not a valid record" in order_project.refusal(*REMOVE_ORDER)
        assert "is not a valid record" in order_project.refusal("make", "order", "number:int")

    @pytest.mark.parametrize("name", ["user", "auth", "core", "tenant", "../app", "", "or_der"])
    def test_what_was_not_made(self, scaffold: Scaffold, name: str) -> None:
        assert scaffold.refusal("remove", name, "--yes")

    def test_without_a_yes(self, order_project: Scaffold) -> None:
        assert "--yes" in order_project.refusal("remove", "order")

    @pytest.mark.parametrize("text", ["# ours\n", "# Größe\n"])
    def test_edited_files(self, order_project: Scaffold, text: str) -> None:
        service = order_project.path / "app/orders/service.py"
        service.write_bytes(service.read_bytes() + text.encode("latin-1"))
        assert "You edited app/orders/service.py" in order_project.refusal(*REMOVE_ORDER)

    def test_edited_files_by_force(self, order_project: Scaffold) -> None:
        order_project.write("app/orders/service.py", "# ours\n")
        order_project.manage("remove", "order", "--force")
        assert not (order_project.path / "app/orders").exists()

    def test_what_another_resource_refers_to(self, order_project: Scaffold) -> None:
        order_project.manage("make", "line", "order:ref:order")
        assert "app/lines/models.py" in order_project.refusal(*REMOVE_ORDER)
        order_project.manage("remove", "line", "--yes")
        order_project.manage(*REMOVE_ORDER)

    def test_what_is_not_python(self, order_project: Scaffold) -> None:
        order_project.write("app/report.py", "def report(:\n")
        assert "app/report.py is not valid Python" in order_project.refusal(*REMOVE_ORDER)


@pytest.mark.quick
class TestUses:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        for path, text in SMALL_PROJECT.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return Project(tmp_path)

    def find(self, project: Project) -> list[str]:
        own = {path for path in SMALL_PROJECT if path.startswith("app/orders/")}
        return find_uses(project, derive_names("order"), own)

    @pytest.mark.parametrize("statement", USES)
    def test_used(self, project: Project, statement: str) -> None:
        (project.root / "app/report.py").write_text(f"def report() -> None:\n    {statement}\n")
        assert self.find(project) == ["app/report.py:2"]

    @pytest.mark.parametrize("statement", OTHER_CODE)
    def test_not_used(self, project: Project, statement: str) -> None:
        (project.root / "app/report.py").write_text(f"def report() -> None:\n    {statement}\n")
        assert self.find(project) == []

    def test_files(self, project: Project) -> None:
        for path, text in {
            "app/reports/totals.sql": "-- Totals\nSELECT 1 FROM public.orders\n",
            "dump.sql": "INSERT INTO orders VALUES (1);\n",
            "scripts/clean.py": "from app.orders.models import Order\n",
            ".venv/clean.py": "from app.orders.models import Order\n",
            "migrations/app/1_create_orders.py": 'op.create_index("ix", "orders")\n',
            "app/migrations/models.py": 'KEY = "orders.id"\n',
            "venv/lib/clean.py": "from app.orders.models import Order\n",
            "venv/pyvenv.cfg": "",
            "tests/build/test_report.py": "import app.orders.models\n",
        }.items():
            (project.root / path).parent.mkdir(parents=True, exist_ok=True)
            (project.root / path).write_text(text)
        assert sorted(self.find(project)) == [
            "app/migrations/models.py:1",
            "app/reports/totals.sql:2",
            "scripts/clean.py:1",
            "tests/build/test_report.py:1",
        ]

    @pytest.mark.parametrize("folder", ["tests/core", "tests/support"])
    def test_kernel_tests(self, project: Project, folder: str) -> None:
        """Their tables have names that resources may have too."""
        (project.root / folder).mkdir(parents=True)
        code = (
            "class Order(Base):\n    __tablename__ = 'orders'\n    lines = relationship('Order')\n"
        )
        statement = f'{code}TABLE = "CREATE TEMPORARY TABLE orders (id uuid)"\n'
        (project.root / folder / "test_keys.py").write_text(statement)
        assert self.find(project) == []
        (project.root / folder / "test_keys.py").write_text(f"{statement}import app.orders.models")
        assert self.find(project) == [f"{folder}/test_keys.py:5"]

    def test_encoding_of_sql(self, project: Project) -> None:
        (project.root / "db").mkdir()
        text = "-- Größe\nSELECT * FROM orders;\n"
        (project.root / "db/dump.sql").write_text(text, "latin-1")
        assert self.find(project) == ["db/dump.sql:2"]

    def test_unreadable_folder(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        """Root, who may run the tests, can read every folder."""
        (project.root / "volume").mkdir()
        iterdir = Path.iterdir

        def iterate(folder: Path) -> Iterator[Path]:
            if folder.name == "volume":
                raise PermissionError(folder)
            return iterdir(folder)

        monkeypatch.setattr(Path, "iterdir", iterate)
        assert self.find(project) == []

    def test_reexported_by_star_imports(self, project: Project) -> None:
        for path, text in {
            "app/shared/__init__.py": "from ..models import *\n",
            "app/common.py": "from app.shared import *\n",
            "app/invoice.py": "from app.common import Article\n",
            "app/report.py": "from app.common import Order\n",
            "app/total.py": "from app import shared\nshared.Order\n",
            "app/api.py": 'from app.common import *\n__all__ = ["Order"]\n',
        }.items():
            (project.root / path).parent.mkdir(exist_ok=True)
            (project.root / path).write_text(text)
        assert self.find(project) == ["app/api.py:2", "app/report.py:1", "app/total.py:2"]

    def test_registry_without_the_resource(self, project: Project) -> None:
        """Keep an import that the team added to those of `manage make`."""
        registries = {"app/models.py": "from app import core\nimport app.orders.models\n"}
        [use] = find_uses(project, derive_names("order"), ["app/orders/models.py"], registries)
        assert use == "app/models.py (`import app.orders.models`)"

    def test_long_sql(self, project: Project) -> None:
        """Search in linear time; with a quadratic pattern, this takes minutes."""
        query = "SELECT c.id, c.name, count(*) FROM customers c JOIN lines l ON l.id = c.id"
        (project.root / "db").mkdir()
        for separator in (";\n", "\nUNION ALL\n"):
            (project.root / "db/report.sql").write_text(separator.join([query] * 400))
            assert self.find(project) == []


class TestTable:
    """A migration that others may have applied is undone by a new one."""

    @pytest.fixture
    def scaffold(self, stack: Stack, install: Install, render: Render, tmp_path: Path) -> Scaffold:
        rendered = render(stack).path
        scaffold = Scaffold.copy(install(stack), rendered, tmp_path / "project")
        scaffold.manage("make", "order", "kind:enum:a/b", "number:int,unique", "at:datetime,index")
        return scaffold

    def remove_and_check(self, scaffold: Scaffold, **environment: str) -> bool:
        """Remove the resource and check the project; return True if a migration drops it."""
        scaffold.manage(*REMOVE_ORDER, **environment)
        scaffold.check("ruff", "check", ".")
        scaffold.check("ruff", "format", "--check", ".")
        scaffold.check("pytest", "-q", MIGRATIONS)
        titles = [path.stem for path in (scaffold.path / "migrations/app").iterdir()]
        assert any(title.endswith("_create_orders") for title in titles)
        return any(title.endswith("_drop_orders") for title in titles)

    @each(OPPOSITES[1:], exhaustive=OPPOSITES)
    def test_another_migration_follows(self, scaffold: Scaffold) -> None:
        scaffold.manage("make", "invoice", "number:int")
        assert self.remove_and_check(scaffold)
        scaffold.manage("make", "order", "number:bigint")
        scaffold.check("pytest", "-q", MIGRATIONS)

    @each(OPPOSITES[:1], exhaustive=OPPOSITES)
    def test_on_a_branch_of_a_remote(self, scaffold: Scaffold, tmp_path: Path) -> None:
        scaffold.git("init", "--quiet")
        scaffold.git("add", "--all")
        scaffold.git("commit", "--quiet", "--message", "Orders")
        scaffold.git("clone", "--quiet", "--bare", ".", str(tmp_path / "remote"))
        scaffold.git("remote", "add", "origin", str(tmp_path / "remote"))
        scaffold.git("fetch", "--quiet", "origin")
        assert self.remove_and_check(scaffold)

    @each(OPPOSITES[1:], exhaustive=OPPOSITES)
    def test_another_database(self, scaffold: Scaffold) -> None:
        url = "postgresql://nobody@127.0.0.1:1/none"
        assert self.remove_and_check(scaffold, DATABASE_URL=url)

    @each(OPPOSITES[:1], exhaustive=OPPOSITES)
    def test_changed_since(self, scaffold: Scaffold, stack: Stack) -> None:
        """Reverting the creation would not restore the table as it is now."""
        layers = stack.layout == "per-layer"
        models = scaffold.path / f"app/{'models/order' if layers else 'orders/models'}.py"
        models.write_text(f"{models.read_text()}    colour: Mapped[str | None]\n")
        scaffold.manage("migrate", "apply")
        scaffold.manage("migrate", "create", "-m", "colours")
        scaffold.manage("migrate", "apply")
        assert "Later migrations changed its table" in scaffold.manage(*REMOVE_ORDER, "--force")
        scaffold.manage("migrate", "create", "-m", "drop orders", "--allow-drop")
        scaffold.check("pytest", "-q", MIGRATIONS)


CHANGES = (
    "ALTER TABLE orders ADD COLUMN colour text",
    "alter  table if exists only public.orders\n  rename to purchases",
    'ALTER TABLE "orders" OWNER TO app_owner',
    "CREATE UNIQUE INDEX ON orders (number)",
    'op.execute("CREATE TRIGGER t BEFORE INSERT ON public.orders EXECUTE FUNCTION f()")',
    'op.add_column("orders", sa.Column("colour", sa.Text()))',
    'op.create_index(op.f("ix_orders_at"), "orders", ["at"])',
)
OTHERS = (
    "ALTER TABLE order_lines ADD COLUMN colour text",
    "CREATE TABLE invoices (order_id uuid REFERENCES orders (id) ON DELETE CASCADE)",
    "CREATE INDEX ON orders_of_old (number)",
    'op.create_table("invoices", sa.ForeignKeyConstraint(["order_id"], ["orders.id"]))',
    'op.add_column("order_lines", sa.Column("orders", sa.Text()))',
)


@pytest.mark.quick
@pytest.mark.parametrize("statement", CHANGES + OTHERS)
def test_changes_of_a_table_are_known(statement: str) -> None:
    """Check which later migrations change how the table is dropped."""
    assert is_table_changed(statement, "orders") == (statement in CHANGES)
