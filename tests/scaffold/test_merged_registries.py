"""Registries after a merge with `merge=union`, which keeps the lines of both branches."""

from pathlib import Path

import pytest
from chassis_tools.diagnosis.registrations import find_wrong_registrations, read_modules
from chassis_tools.scaffolding.project import Project

pytestmark = pytest.mark.quick

ROUTES = "from app.orders.routes import router as orders\nfrom app.users.routes import router as users\n\n"


def find_problems(root: Path, routes: str) -> list[str]:
    modules = {
        "models": '__all__ = ["Order"]\n',
        **dict.fromkeys(["__init__", "main", "seed", "settings"], ""),
        **dict.fromkeys(["orders/__init__", "users/__init__"], ""),
        **dict.fromkeys(["orders/routes", "users/routes"], "router = APIRouter()\n"),
        "routes": ROUTES + routes,
    }
    for name, text in modules.items():
        path = root / "app" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    findings = find_wrong_registrations(Project(root), read_modules(root))
    return [finding.problem for finding in findings]


def test_two_lists(tmp_path: Path) -> None:
    merged = "routers = [orders, users]\nrouters: list[APIRouter] = [users]\n"
    assert find_problems(tmp_path, merged) == [
        "app/routes.py assigns `routers` on lines 4 and 5: the last list replaces the others"
    ]


@pytest.mark.parametrize(
    "routes",
    [
        "routers = [\n    orders,\n    users,\n]\n",
        "routers: list[APIRouter]\nrouters = [orders, users]\n",
        "routers = [orders]\nrouters += [users]\n",
        "routers = [orders]\nrouters = [*routers, users]\n",
    ],
)
def test_one_list(tmp_path: Path, routes: str) -> None:
    assert find_problems(tmp_path, routes) == []
