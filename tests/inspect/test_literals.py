"""Names and values from a database are quoted in Python and SQL, and never run."""

import ast

import pytest
from app.core.schemas import PathKey
from chassis_tools.adoption.baseline import (
    Baseline,
    build_block,
    find_sequence,
    quote_name,
    strip_public,
)
from chassis_tools.adoption.columns import derive_attributes
from chassis_tools.adoption.resource import ExistingResource
from chassis_tools.adoption.rows import find_allowed_value, find_kind
from chassis_tools.inspection.fields import Field
from chassis_tools.inspection.proposals import number_duplicates, propose
from chassis_tools.inspection.tables import (
    Check,
    Column,
    ColumnType,
    Index,
    Key,
    Schema,
    Table,
)
from chassis_tools.scaffolding.literals import is_secret, literal
from chassis_tools.scaffolding.models import read_model
from chassis_tools.scaffolding.names import ResourceNames
from chassis_tools.scaffolding.templates import find_templates
from chassis_tools.scaffolding.templates import render as render_template
from pydantic import TypeAdapter, ValidationError

from tests.conftest import Render
from tests.support.stacks import OPPOSITES
from tests.support.words import in_order

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
SECRETS = in_order(
    """
    passwordHash resetToken refreshToken apiKey APIKey userPIN PasswordSalt passwordhash resettoken
    password passwd pwd password_hash hashed_password pass_phrase secret clientSecret token tokens
    api_key private-key accessKey secret_key totp otp_seed salt pin ssn credentials auth_hash auth-Hash
    """
)
NO_SECRETS = in_order(
    """
    hash file_hash key keyboard compass passenger pinned spinach tokenizer secretary saltwater class
    passport_number compassion bypass_valve shipping primary_key key_name author opinion
    """
)
odd_names = pytest.mark.parametrize("name", ODD.values(), ids=ODD)


def table_called(name: str) -> Table:
    """Return a table that has the name in every place."""
    key = Key(name, f"PRIMARY KEY ({quote_name(name)})", (name,))
    index = Index(name, (name,), (name,), "", sorting={name: ("desc",)})
    columns = (Column(name, NUMBER, False, comment=name), Column(f"{name} 2", TEXT, True))
    return Table(name, name, "table", columns, key, indexes=(index,), comment=name)


def resource_of(table: Table) -> ExistingResource:
    return ExistingResource(
        table, ResourceNames("thing", "things"), {table.name: derive_attributes(table)}
    )


@odd_names
def test_model_is_called_so_and_does_nothing_else(name: str, render: Render) -> None:
    resource = resource_of(table_called(name))
    folder = render(OPPOSITES[0]).path / "scaffold"
    templates = {one.target: one for one in find_templates(folder, resource.names)}
    source = render_template(templates["app/things/models.py"], resource.build_context())
    *imports, model = ast.parse(source).body
    assert isinstance(model, ast.ClassDef)
    assert all(isinstance(one, ast.ImportFrom | ast.If) for one in imports)
    assert read_model("app.models", model).table == name
    assert f"text({literal(quote_name(name) + ' DESC')})" in source


@odd_names
def test_names_are_read_back(name: str) -> None:
    table = table_called(name)
    assert ast.literal_eval(literal(name)) == name
    assert propose(Schema("public", (table,)))[0].is_resource
    assert all(
        f"{quote_name(name)}.{quote_name(name)}" in one
        for one in Baseline(Schema(name, (table,)), [name]).create_statements
        if "TABLE" in one
    )


@odd_names
def test_block_ends_where_it_ends(name: str) -> None:
    _, tag, rest = build_block(f"BEGIN {name} END").split(" ", 2)
    body, end = rest.rsplit(" ", 1)
    assert end == tag
    assert tag not in body


def test_schema_within_a_text_stays() -> None:
    expressions = {
        "'see public.note'::text": "'see public.note'::text",
        "'it''s public.note' || public.f()": "'it''s public.note' || f()",
        """public."public.x" + \"public\".y""": """"public.x" + "public".y""",
        "nextval('public.numbers'::regclass)": "nextval('numbers'::regclass)",
        "republic.x": "republic.x",
    }
    assert {sql: strip_public(sql) for sql in expressions} == expressions


@pytest.mark.parametrize(
    ("default", "sequence"),
    [
        ("nextval('public.numbers'::regclass)", "public.numbers"),
        ("""nextval('public."it''s"'::regclass)""", """public."it's\""""),
        ("nextval('a'::regclass) + nextval('b'::regclass)", None),
    ],
)
def test_sequence_of_a_column(default: str, sequence: str | None) -> None:
    assert find_sequence(Column("id", NUMBER, False, default=default), []) == sequence


@pytest.mark.parametrize("unowned", ["id_seq", "numbers", "public"])
def test_sequence_that_no_column_owns(unowned: str) -> None:
    """A name that ends like another is not the other."""
    for name in ("orders_id_seq", "public.numbers", "id_seq"):
        column = Column("id", NUMBER, False, default=f"nextval('{name}'::regclass)")
        is_owned = unowned != name.removeprefix("public.")
        assert find_sequence(column, [unowned]) == (name if is_owned else None)


@pytest.mark.parametrize(
    "columns", [["a b", "a-b", "a_b"], ["a_b_3", "a b", "a-b"], ["text", "text_value"]]
)
def test_attributes_differ(columns: list[str]) -> None:
    table = Table(
        "public", "notes", "table", tuple(Column(name, NUMBER, False) for name in columns)
    )
    attributes = derive_attributes(table)
    assert len({*attributes.values()}) == len(columns)


@pytest.mark.parametrize("names", ["a a a", "a a a_2", "a_2 a a", "a a_2 a a_2"])
def test_names_of_fields_differ(names: str) -> None:
    fields = [Field(name, name, "read only", spec=f"{name}:int") for name in names.split()]
    numbered = [field.name for field in number_duplicates(fields)]
    assert len({*numbered}) == len(fields)
    assert numbered[0] == fields[0].name


@pytest.mark.parametrize(
    ("condition", "value"),
    [('("007" > 5)', "5"), ('("٣" > 5)', "5"), ("(x > 007)", "7")],
)
def test_number_within_a_name_is_none(condition: str, value: str) -> None:
    column = Column(condition.split('"')[1] if '"' in condition else "x", NUMBER, False)
    kind = find_kind("amount", column)
    assert kind
    assert find_allowed_value(column, kind, (Check("rule", condition, condition),)) == value


@pytest.mark.parametrize("name", SECRETS)
def test_secret_by_any_spelling(name: str) -> None:
    key = Key("pk", "PRIMARY KEY (id)", ("id",))
    columns = (Column("id", NUMBER, False), Column(name, TEXT, False))
    context = resource_of(Table("public", "accounts", "table", columns, key)).build_context()
    assert [one.column.name for one in context["mapped"]] == ["id", name]
    assert (context["columns"], context["filters"]) == ([], [])
    assert [one.column.name for one in context["create_columns"]] == ["id"]
    assert context["sorts"] == ["id"]


@pytest.mark.parametrize("name", NO_SECRETS)
def test_no_secret(name: str) -> None:
    assert not is_secret(name)


def test_sorts_are_the_first_columns_of_indexes() -> None:
    key = Key("pk", "PRIMARY KEY (id)", ("id",))
    columns = [Column(name, NUMBER, False) for name in ("id", "a", "b", "c", "d")]
    columns.append(Column("optional", NUMBER, True))
    indexes = [
        Index("one", ("b",), ("b",), ""),
        Index("two", ("d", "c"), ("d", "c"), ""),
        Index("partial", ("a",), ("a",), "", where="a > 1"),
        Index("optional", ("optional",), ("optional",), ""),
    ]
    table = Table("public", "things", "table", tuple(columns), key, indexes=tuple(indexes))
    assert resource_of(table).build_context()["sorts"] == ["id", "b", "d"]


def test_key_that_is_a_secret() -> None:
    key = Key("pk", "PRIMARY KEY (token)", ("token",))
    table = Table("public", "logins", "table", (Column("token", TEXT, False),), key)
    [proposal] = propose(Schema("public", (table,)))
    assert not proposal.is_resource
    assert proposal.findings[0].reason == "its key is token, and URL paths must not contain secrets"


def test_sequence_that_alembic_cannot_read() -> None:
    key = Key("pk", "PRIMARY KEY (id)", ("id",))
    column = Column("id", NUMBER, False, default="""nextval('public."it''s_seq"'::regclass)""")
    [proposal] = propose(Schema("public", (Table("public", "it's", "table", (column,), key),)))
    assert not proposal.is_resource
    assert proposal.findings[0].reason.startswith("the sequence that numbers its rows has a quote")


def test_text_that_a_path_ends_in() -> None:
    key = Key("pk", "PRIMARY KEY (code)", ("code",))
    columns = (Column("code", TEXT, False), Column("note", TEXT, False))
    [code, note] = resource_of(Table("public", "codes", "table", columns, key)).build_context()[
        "create_columns"
    ]
    assert (code.create, note.create) == ("PathKey", "Annotated[str, Field(max_length=20000)]")
    assert ("app.core.schemas", "PathKey") in code.get_imports_for("schemas")


@pytest.mark.parametrize("text", ["a", "A&B %", "a.b", ".a", "..a", "...", "a\nb", "%2F", "?#"])
def test_path_can_end_in_it(text: str) -> None:
    assert TypeAdapter(PathKey).validate_python(text) == text


@pytest.mark.parametrize("text", ["", ".", "..", "/", "a/b", "../a", "./", "a/", "..\n/"])
def test_path_cannot_end_in_it(text: str) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        TypeAdapter(PathKey).validate_python(text)


def test_word_that_sqlalchemy_does_not_know() -> None:
    key = Key("pk", "PRIMARY KEY (id)", ("id",))
    columns = tuple(Column(name, NUMBER, False) for name in ("id", "lateral", "order", "position"))
    context = resource_of(Table("public", "collation", "table", columns, key)).build_context()
    assert context["table_args"][-2:] == ['    {"quote": True},', ")"]
    quoted = [one.column.name for one in context["mapped"] if "quote=True" in one.mapped]
    assert quoted == ["lateral"]
