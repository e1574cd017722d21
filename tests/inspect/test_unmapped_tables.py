"""The list of existing tables, which the team may have edited."""

import ast
from pathlib import Path

import pytest
from chassis_tools.adoption.unmapped_tables import list_tables
from chassis_tools.scaffolding.project import Project
from manage.errors import CommandError

pytestmark = pytest.mark.quick

PLACE = "app/existing_tables.py"
EDITED = """\
# Ours, too.
from app.core.models import Base

EXISTING_TABLES = (
    # Theirs.
    "a",
    "c",  # the last one
)

Base.metadata.info["existing_tables"] = EXISTING_TABLES
Base.metadata.info["ours"] = 1
"""
ADDED = EDITED.replace('    "c"', '    \'b"b\',\n    "c"')
LIST = "EXISTING_TABLES = ()\n"
REFUSED = {
    "computed": ('EXISTING_TABLES = tuple(["a"])\n', "must assign a tuple of string literals"),
    "a number": ("EXISTING_TABLES = 1\n", "must assign a tuple of string literals"),
    "twice": (f"{LIST}EXISTING_TABLES = ()\n", "cannot be edited because line 2 assigns"),
    "beside another": (
        "x = 1; EXISTING_TABLES = ()\n",
        "cannot be edited because line 1 contains",
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "models.py").write_text("__all__ = []\n")
    return Project(tmp_path)


def rewritten(project: Project, text: str, *tables: str) -> str:
    (project.root / PLACE).write_text(text)
    change = list_tables(project, tables)
    assert change.before == text.encode()
    return (change.after or b"").decode()


def test_made_and_extended(project: Project) -> None:
    made = list_tables(project, [])
    assert (made.before, made.path) == (None, Path(PLACE))
    text = (made.after or b"").decode()
    for tables in ([], ['quo"te'], ["a", 'quo"te'], ["a", 'quo"te', "z\nz"]):
        text = rewritten(project, text, *tables)
        [listed] = [one.value for one in ast.parse(text).body if isinstance(one, ast.Assign)][:1]
        assert ast.literal_eval(listed) == tuple(tables)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_the_team_wrote_stays(project: Project, newline: str) -> None:
    text = EDITED.replace("\n", newline)
    (project.root / PLACE).write_bytes(text.encode())
    change = list_tables(project, ["a", "c"])
    assert change.before == change.after
    change = list_tables(project, ["a", 'b"b', "c"])
    assert (change.after or b"").decode() == ADDED.replace("\n", newline)


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_written_otherwise_is_left_alone(project: Project, text: str, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        rewritten(project, text, "a", "b")
