"""What a database calls its tables, written down as Python and as SQL and never as code."""

import ast

import pytest
from manage.adoption.baseline import Baseline, own_sequence
from manage.adoption.naming import attributes_of
from manage.adoption.resource import ExistingResource
from manage.adoption.rows import allowed
from manage.adoption.samples import kind_of
from manage.adoption.sql import block, local, quoted
from manage.inspection.proposals import propose
from manage.inspection.tables import (
    Check,
    Column,
    ColumnType,
    Index,
    Key,
    Schema,
    Table,
)
from manage.scaffolding.names import ResourceNames
from manage.scaffolding.project import table_name
from manage.scaffolding.snippets import literal
from manage.scaffolding.templates import find_templates
from manage.scaffolding.templates import render as render_template

from tests.conftest import Render
from tests.stacks import OPPOSITES

pytestmark = pytest.mark.quick

NUMBER = ColumnType("integer", "int", "Integer", field="int", imports=("sqlalchemy.Integer",))
TEXT = ColumnType("text", "str", "Text", field="text", imports=("sqlalchemy.Text",))
ODD = {
    "code": 'x";import os;os.system("id>pwn");"',
    "one quote": 'quo"te',
    "three quotes": 'three"""quotes',
    "both kinds": 'it\'s "both"',
    "backslash": "back\\slash",
    "lines": "two\nlines\r\u2028more",
    "template": "{{ seven }}",
    "dollars": "a$$b",
}
odd_names = pytest.mark.parametrize("name", ODD.values(), ids=ODD)


def table_called(name: str) -> Table:
    """A table with the name wherever there is one."""
    key = Key(name, f"PRIMARY KEY ({quoted(name)})", (name,))
    index = Index(name, (name,), (name,), "", sorting={name: ("desc",)})
    columns = (Column(name, NUMBER, False, comment=name), Column(f"{name} 2", TEXT, True))
    return Table(name, name, "table", columns, key, indexes=(index,), comment=name)


def resource_of(table: Table) -> ExistingResource:
    return ExistingResource(
        table, ResourceNames("thing", "things"), {table.name: attributes_of(table)}
    )


@odd_names
def test_model_is_called_so_and_does_nothing_else(name: str, render: Render) -> None:
    resource = resource_of(table_called(name))
    folder = render(OPPOSITES[0]).path / "scaffold"
    templates = {one.target: one for one in find_templates(folder, resource.names)}
    source = render_template(templates["app/things/models.py"], resource.context())
    *imports, model = ast.parse(source).body
    assert isinstance(model, ast.ClassDef)
    assert all(isinstance(one, ast.ImportFrom | ast.If) for one in imports)
    assert table_name(model) == name
    assert f"text({literal(quoted(name) + ' DESC')})" in source


@odd_names
def test_names_are_read_back(name: str) -> None:
    table = table_called(name)
    assert ast.literal_eval(literal(name)) == name
    assert propose(Schema("public", (table,)))[0].is_resource
    assert all(
        f"{quoted(name)}.{quoted(name)}" in one
        for one in Baseline(Schema(name, (table,)), [name]).create
        if "TABLE" in one
    )


@odd_names
def test_block_ends_where_it_ends(name: str) -> None:
    _, tag, rest = block(f"BEGIN {name} END").split(" ", 2)
    body, end = rest.rsplit(" ", 1)
    assert end == tag
    assert tag not in body


def test_schema_within_a_text_stays() -> None:
    told = {
        "'see public.note'::text": "'see public.note'::text",
        "'it''s public.note' || public.f()": "'it''s public.note' || f()",
        """public."public.x" + \"public\".y""": """"public.x" + "public".y""",
        "nextval('public.numbers'::regclass)": "nextval('numbers'::regclass)",
        "republic.x": "republic.x",
    }
    assert {sql: local(sql) for sql in told} == told


@pytest.mark.parametrize(
    ("default", "sequence"),
    [
        ("nextval('public.numbers'::regclass)", "public.numbers"),
        ("""nextval('public."it''s"'::regclass)""", """public."it's\""""),
        ("nextval('a'::regclass) + nextval('b'::regclass)", None),
    ],
)
def test_sequence_of_a_column(default: str, sequence: str | None) -> None:
    assert own_sequence(Column("id", NUMBER, False, default=default), []) == sequence


@pytest.mark.parametrize(
    ("condition", "value"),
    [('("007" > 5)', "5"), ('("٣" > 5)', "5"), ("(x > 007)", "7")],
)
def test_number_within_a_name_is_none(condition: str, value: str) -> None:
    column = Column(condition.split('"')[1] if '"' in condition else "x", NUMBER, False)
    kind = kind_of("amount", column)
    assert kind
    assert allowed(column, kind, (Check("rule", condition, condition),)) == value
