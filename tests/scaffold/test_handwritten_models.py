"""Models that the team wrote by hand are found by their source."""

from pathlib import Path

import pytest
from chassis_tools.scaffolding.models import Model, read_models
from chassis_tools.scaffolding.modules import describe_missing_module
from chassis_tools.scaffolding.names import derive_names
from chassis_tools.scaffolding.project import Project
from manage.errors import CommandError

pytestmark = pytest.mark.quick

FACTORY = "def make_order(store): ...\n"
PLAIN = 'class Order(OwnedMixin, Record):\n    __tablename__ = "orders"\n    number: Mapped[int]\n'
SCHEMA = '    __table_args__ = {"schema": "sales"}\n'


def write(root: Path, **files: str) -> Project:
    """Write files of `app/`; two underscores in a name stand for a slash."""
    texts = {"builtin__models": "", "models": "from app.orders.models import Order\n"} | files
    for name, text in texts.items():
        parts = [part.replace("init", "__init__") for part in name.split("__")]
        path = Path(root, "app", *parts).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "tests/orders").mkdir(parents=True)
    (root / "tests/orders/factory.py").write_text(FACTORY)
    return Project(root)


def read(project: Project) -> list[Model]:
    return list(read_models(project.root, "app/models.py"))


@pytest.mark.parametrize(
    "registry",
    [
        "from app.orders.models import Order",
        "from app.orders.models import Order as PurchaseOrder",
        "from .orders.models import Order",
        "from app.orders import Order",
        "from app.orders import *",
        "from .orders import PurchaseOrder",
        "import app.orders.models",
        "from app.orders import models",
        "from .orders import models as order_models",
        "try:\n    from app.orders.models import Order\nexcept ImportError:\n    pass",
    ],
)
def test_imported(tmp_path: Path, registry: str) -> None:
    package = "from .models import *\nfrom .models import Order as PurchaseOrder\n"
    project = write(tmp_path, models=f"{registry}\n", orders__init=package, orders__models=PLAIN)
    [order] = project.models.values()
    assert (order.class_name, order.module, order.table) == ("Order", "app.orders.models", "orders")
    assert {"OwnedMixin", "Record"} == order.bases
    assert "number" in order.columns
    assert project.get_target("order").factory == "tests.orders.factory"


def test_defined_in_the_registry(tmp_path: Path) -> None:
    [order] = read(write(tmp_path, models=PLAIN))
    assert order.module == "app.models"


def test_other_classes_of_a_star_import(tmp_path: Path) -> None:
    """Enumerations, mixins and base classes are in the module of a model, too."""
    bases = (
        "class Base(DeclarativeBase): ...\n"
        "class Record(Base):\n    __abstract__ = True\n"
        "class OwnedMixin: ...\n"
    )
    source = (
        "from app.core.models import *\n"
        "class Status(enum.Enum): ...\n"
        "class NamedRecord(Record):\n    __abstract__ = True\n"
        "    @declared_attr\n    def __tablename__(cls): ...\n"
        "class Plain:\n    __table__ = orders\n"
        "class Invoice(NamedRecord): ...\n"
    )
    project = write(
        tmp_path,
        models="from app.orders.models import *\n",
        core__models=bases,
        orders__models=source + PLAIN,
    )
    assert [model.class_name for model in read(project)] == ["Plain", "Invoice", "Order"]


@pytest.mark.filterwarnings("error")
def test_source_that_only_python_accepts(tmp_path: Path) -> None:
    """A byte-order mark is skipped, and warnings about the code are not shown."""
    source = f'\ufeff{PLAIN}    pattern = "\\d"\n'
    write(tmp_path, models="\ufefffrom app.orders.models import Order\n", orders__models=source)
    assert [model.table for model in read(Project(tmp_path))] == ["orders"]


def test_importing_each_other(tmp_path: Path) -> None:
    write(
        tmp_path, models="from app.a import *\n", a="from app.b import *\n", b="from app.a import *"
    )
    assert read(Project(tmp_path)) == []


@pytest.mark.parametrize(
    ("body", "table"),
    [
        ('__tablename__: str = "orders"', "orders"),
        ('__tablename__ = "orders"\n    __table_args__ = (Index("a", "b"),)', "orders"),
        ('__tablename__ = "orders"\n    __table_args__ = (Index("a"), {"comment": C})', "orders"),
        ('__tablename__ = "orders"\n    __table_args__ = {"schema": "sales"}', "sales.orders"),
        (
            '__tablename__ = "orders"\n    __table_args__: A = (Index("a"), {**C, "schema": "sales"})',
            "sales.orders",
        ),
        ('__tablename__ = "orders"\n    __table_args__ = {"schema": None}', "orders"),
        ('__tablename__ = PREFIX + "orders"', None),
        ("__tablename__ = f'{PREFIX}orders'", None),
        ("@declared_attr.directive\n    def __tablename__(cls): return 'orders'", None),
        ('__table__ = Table("orders", Base.metadata)', None),
        ('__tablename__ = "orders"\n    __table_args__ = {"schema": SCHEMA}', None),
        ('__tablename__ = "orders"\n    __table_args__ = {**OPTIONS}', None),
        ('__tablename__ = "orders"\n    __table_args__ = OPTIONS', None),
    ],
)
def test_table(tmp_path: Path, body: str, table: str | None) -> None:
    source = f"class Order(core.OwnedMixin, Record):\n    {body}\n"
    project = write(tmp_path, orders__models=source)
    [order] = project.models.values()
    assert order.qualified_table == table
    if table:
        target = project.get_target("order")
        assert (target.table, target.owned) == (table, True)
    else:
        with pytest.raises(CommandError, match="computes the name or schema of its table"):
            project.get_target("order")


@pytest.mark.parametrize(
    ("source", "existing"),
    [
        (PLAIN, "Order"),
        (PLAIN.replace("class Order", "class SalesOrder"), "SalesOrder"),
        (PLAIN.replace('"orders"', '"purchases"'), "Order"),
        (PLAIN.replace("class Order", "class SalesOrder") + SCHEMA, None),
    ],
)
def test_existing_model(tmp_path: Path, source: str, existing: str | None) -> None:
    project = write(tmp_path, models=source)
    assert project.find_existing_model(derive_names("order")) == existing


@pytest.mark.parametrize("name", ["phase_2", "oauth_2_client", "x_y", "plan_b", "a1_b2", "phase2"])
def test_name(tmp_path: Path, name: str) -> None:
    class_name = "".join(word.capitalize() for word in name.split("_"))
    project = write(tmp_path, orders__models=PLAIN.replace("Order(", f"{class_name}("))
    (tmp_path / "app/models.py").write_text(f"from app.orders.models import {class_name}\n")
    (tmp_path / "tests/orders/factory.py").write_text(FACTORY.replace("order", name))
    assert project.get_target(name).singular == name
    for wrong in {class_name, name.replace("_", "")} - {name}:
        with pytest.raises(CommandError, match=f"does not exist: use {name}$"):
            project.get_target(wrong)


@pytest.mark.parametrize(
    "bases", ["Entity", "SharedRecord", "models.Base", "OwnedMixin, SharedRecord"]
)
def test_other_keys(tmp_path: Path, bases: str) -> None:
    project = write(tmp_path, models=PLAIN.replace("OwnedMixin, Record", bases))
    (tmp_path / "tests/factory.py").write_text(FACTORY)
    with pytest.raises(CommandError, match="a reference needs the key of a Record: add the column"):
        project.get_target("order")


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("SKU", "sku"),
        ("APIClient", "api_client"),
        ("HTTPRoute", "http_route"),
        ("OrderV2", "order_v2"),
    ],
)
def test_acronym(tmp_path: Path, class_name: str, name: str) -> None:
    project = write(tmp_path, models=PLAIN.replace("Order(", f"{class_name}("))
    with pytest.raises(CommandError, match=f"has no function make_{name}"):
        project.get_target(name)
    (tmp_path / "tests/factory.py").write_text(FACTORY.replace("order", name))
    target = project.get_target(name)
    assert (target.singular, target.class_name) == (name, class_name)
    with pytest.raises(CommandError, match=f"does not exist: use {name}$"):
        project.get_target(class_name)


def test_without_factory(tmp_path: Path) -> None:
    project = write(tmp_path, orders__models=PLAIN)
    (tmp_path / "tests/orders/factory.py").unlink()
    with pytest.raises(CommandError, match="has no function make_order"):
        project.get_target("order")


def test_missing_module() -> None:
    """`uv sync` installs packages, but not modules of the project."""
    for name, sentence in {
        "app.orders.models": "app.orders.models does not exist, but is imported: restore it from",
        "geoalchemy2.types": "geoalchemy2.types is not installed: run `uv sync` first",
    }.items():
        error = ModuleNotFoundError(f"No module named {name!r}", name=name)
        assert describe_missing_module(error).startswith(sentence)
