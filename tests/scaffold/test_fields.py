"""The field names that the scaffolder rejects."""

import ast
import json
from pathlib import Path

import pytest
from app.core.schemas import PageQuery
from chassis_tools.scaffolding import words
from chassis_tools.scaffolding.conflicts import CHECKED_FILES, reject_name_conflicts
from chassis_tools.scaffolding.fields import Field, Target
from chassis_tools.scaffolding.names import NAME, check_field_names, derive_names
from chassis_tools.scaffolding.resource import Resource
from chassis_tools.scaffolding.specifications import (
    KINDS,
    add_sort,
    make_field,
    make_reference,
    parse,
)
from chassis_tools.scaffolding.templates import find_templates
from chassis_tools.scaffolding.templates import render as render_template
from hypothesis import given, settings
from hypothesis import strategies as st
from manage.errors import CommandError

from tests.conftest import Install, Render
from tests.scaffold.test_names import WORDS, any_text, refusal_of
from tests.support.stacks import OPPOSITES, Stack, each
from tests.support.words import in_order

CUSTOMER = Target(
    "customer", "Customer", "customers", "app.customers.models", "tests.customers.factory", False
)
# A family, joined by invisible characters; a character of a later Unicode; one with a selector; the
# flag of Wales, which is spelled in tags.
EMOJI = [
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0003fffd",
    "☕️",
    "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
]
FIELDS = in_order(
    """
    amount body city code color comment content count country currency description email end_date
    format hash height index is_active item key label language length level link max message min model
    model_number name next note notes number object password phone position price property quantity
    rank rating role score size slug starts_at state status summary text title token total type unit
    url value version weight width x y
    """
)
REFUSED_FIELDS = {
    "kernel": ("id", "is a column of the kernel", None),
    "timestamp": ("created_at", "is a column of the kernel", None),
    "tenant": ("tenant_id", "is a column of the kernel", None),
    "owner": ("owner_id", "is a column of the kernel", None),
    "SQLAlchemy": ("metadata", "has another meaning in models", "details"),
    "Pydantic": ("copy", "has another meaning in schemas", "copy_name"),
    "namespace of Pydantic": ("model_dumping", "has another meaning in schemas", None),
    "paging": ("sort", "has another meaning in schemas", "sort_key"),
    "keyword": ("class", "is a Python keyword", "category"),
    "SQL": ("group", "is a reserved word in SQL", "group_name"),
    "system column": ("xmin", "is a system column of PostgreSQL", "xmin_name"),
    "type": ("date", "has another meaning", "day"),
    "call": ("foreign_key", "has another meaning", "foreign_key_name"),
    "parameter": ("store", "has another meaning", "store_name"),
    "parameter of a statement": ("cursor_value", "has another meaning", "cursor_value_name"),
    "import": ("decimal", "would have a type with a reserved name", "decimal_name"),
    "builtin class": ("warning", "would have a type with a reserved name", "warning_name"),
    "operator": ("price__gte", "is not in snake_case", "price_gte"),
    "capitals": ("unitPrice", "is not in snake_case", "unit_price"),
}

# Prints the words and attributes that only a project and its database know.
PRINT_WORDS = """
import json
from sqlalchemy import text
from app.core.models import OwnedMixin, Record, SoftDeleteMixin
from app.settings import get_settings
from manage.connection import run_on_connection

class Anything(OwnedMixin, SoftDeleteMixin, Record):
    __tablename__ = "anything"

def read(connection):
    return {
        "words": list(connection.scalars(text(
            "SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')"))),
        "column_words": list(connection.scalars(text(
            "SELECT word FROM pg_get_keywords() WHERE catcode = 'C'"))),
        "columns": list(connection.scalars(text(
            "SELECT DISTINCT attname FROM pg_attribute WHERE attnum < 0"))),
        "attributes": [name for name in dir(Anything) if not name.startswith("_")],
    }

print(json.dumps(run_on_connection(get_settings().resolve_database_url(), read)))
"""


def check_field(name: str) -> None:
    check_field_names([name], table="orders")


def make(field: str) -> Field:
    """Return the column of a field of orders."""
    return make_field(parse(field), resource="Order")


@pytest.mark.quick
class TestFields:
    @pytest.mark.parametrize("name", FIELDS)
    def test_everyday_word_is_accepted(self, name: str) -> None:
        check_field(name)

    @pytest.mark.parametrize(
        ("name", "reason", "better"), REFUSED_FIELDS.values(), ids=REFUSED_FIELDS
    )
    def test_refused(self, name: str, reason: str, better: str | None) -> None:
        sentence = refusal_of(lambda: check_field(name))
        assert reason in sentence
        assert sentence.partition(": use ")[2] == (better or "")

    def test_suggestion_is_accepted(self) -> None:
        for word in WORDS:
            try:
                check_field(word)
            except CommandError as refused:
                if suggestion := str(refused).partition(": use ")[2]:
                    check_field(suggestion)

    @pytest.mark.parametrize(
        ("field", "sentence"),
        [
            ("title:strng", "title: unknown type 'strng': use str; the types are str, text, "),
            ("title:money", "title: unknown type 'money': the types are str, text, "),
            ("title:str,uniqe", "unknown flag 'uniqe': use unique; the flags are optional, "),
            ("title:str,default", "unknown flag 'default': use default=…; the flags are "),
            ("title:ref:book,ondelete=null", "'ondelete=null': use on_delete=…; the flags are "),
            ("title:str,required", "unknown flag 'required': the flags are optional, unique"),
        ],
    )
    def test_what_was_meant(self, field: str, sentence: str) -> None:
        assert sentence in refusal_of(lambda: parse(field))

    @pytest.mark.parametrize(
        "value",
        ["09:30+02:00", "09:30Z", "09:30:00.5", "09:30:00.0000009", "0930", "half past nine"],
    )
    def test_time_is_without_offset_and_fraction(self, value: str) -> None:
        sentence = refusal_of(
            lambda: make_field(parse(f"opens_at:time,default={value}"), resource="Order")
        )
        assert "a time such as 09:30 or 23:59:59, without an offset" in sentence

    @pytest.mark.parametrize(
        "field",
        [
            *("password_hash:str", "api_key:str", "reset_token:text", "salt:uuid", "tokens:json"),
            *("totp_secret:str:40", "pin:int", "card_cvv:bigint", "hashed_pwd:str"),
        ],
    )
    def test_secret_is_not_told(self, field: str) -> None:
        sentence = refusal_of(lambda: make_field(parse(field), resource="Order"))
        assert sentence.startswith(f"{field.partition(':')[0]} sounds like a secret, and the API ")

    @pytest.mark.parametrize(
        "field", ["token_count:int", "has_password:bool", "token_expires_at:datetime", "key:str"]
    )
    def test_what_is_about_a_secret_is_none(self, field: str) -> None:
        assert make_field(parse(field), resource="Order").sample

    def test_choices_are_stored_as_they_are_written(self) -> None:
        field = make("status:enum:DRAFT/inUse/Sold_out/USDollar/paid/I,default=inUse")
        assert field.kind.choices == ("DRAFT", "inUse", "Sold_out", "USDollar", "paid", "I")
        assert field.default
        assert (field.default.python, field.default.sql) == ("OrderStatus.IN_USE", "'inUse'")
        resource = Resource(derive_names("order"), [field])
        members = [member.name for member in resource.enumerations[0].members]
        assert members == ["DRAFT", "IN_USE", "SOLD_OUT", "US_DOLLAR", "PAID", "I_VALUE"]
        [check] = resource.build_table(tenant=False).checks
        assert check.condition.startswith("status IN ('DRAFT', 'inUse', 'Sold_out', ")

    def test_default_of_another_case(self) -> None:
        sentence = refusal_of(lambda: make("status:enum:DRAFT/PAID,default=draft"))
        assert sentence == "status: its default must be DRAFT or PAID"

    @pytest.mark.parametrize(
        "kind", ["enum:i/i_value", "enum:draft/l_value/l", "enum:draft/DRAFT", "enum:inUse/in_use"]
    )
    def test_choices_of_one_member(self, kind: str) -> None:
        assert "would both be the member" in refusal_of(lambda: make(f"kind:{kind}"))

    @pytest.mark.parametrize("kind", ["decimal:5:2", "decimal:5:0", "decimal:2:2", "float"])
    def test_zero_has_no_sign(self, kind: str) -> None:
        default = make(f"amount:{kind},default=-0").default
        assert default
        assert "-" not in default.python + default.sql + default.response

    @pytest.mark.parametrize("text", EMOJI)
    def test_emoji(self, text: str) -> None:
        default = make(f"note:str:20,default={text}").default
        assert default
        assert ast.literal_eval(default.python) == text
        assert default.sql == f"'{text}'"

    @pytest.mark.parametrize("text", ["a\tb", "\u202eabc", "a\u2028b", "\ud800", "a\U000e0067"])
    def test_unprintable_text(self, text: str) -> None:
        assert "printable text" in refusal_of(lambda: make(f"note:str:20,default={text}"))

    def test_filter_of_any_name(self) -> None:
        for name in ("nobody", "other", "new"):
            [filter_] = make(f"{name}:email").filters
            assert filter_.match.lower() != filter_.miss

    @pytest.mark.parametrize("name", ["next", "any", "type", "make_customer", "make_order", "user"])
    def test_variable_of_the_tests(self, name: str) -> None:
        """A required reference has a variable in the made tests, an optional one has none."""
        required, optional = (
            Resource(
                derive_names("order"),
                [make_reference(parse(f"{name}:ref:customer{flag}"), CUSTOMER, resource="Order")],
                owned=True,
            )
            for flag in ("", ",optional")
        )
        reject_name_conflicts(optional)
        sentence = refusal_of(lambda: reject_name_conflicts(required))
        assert "the tests of order use this name" in sentence

    def test_same_name_twice(self) -> None:
        fields = ["title", "price", "title"]
        assert "title is used twice" in refusal_of(
            lambda: check_field_names(fields, table="orders")
        )

    def test_names_of_the_same_type(self) -> None:
        sentence = refusal_of(lambda: check_field_names(["line1", "line_1"], table="orders"))
        assert "line1 and line_1 are too similar" in sentence

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            (["customer_id", "customer"], "customer is used twice"),
            (["class_id"], "class is a Python keyword"),
            (["metadata_id"], "metadata has another meaning in models"),
        ],
    )
    def test_relation_has_a_name_too(self, fields: list[str], sentence: str) -> None:
        check_field_names(fields, table="orders")
        references = {fields[0]: "things"}
        refused = refusal_of(
            lambda: check_field_names(fields, table="orders", references=references)
        )
        assert sentence in refused

    def test_index_fits(self) -> None:
        check_field_names(["a" * 43], table="orders")
        sentence = refusal_of(lambda: check_field_names(["a" * 44], table="orders"))
        assert "PostgreSQL would truncate ix_orders_tenant_id_aaa" in sentence

    def test_foreign_key_fits(self) -> None:
        references = {"subscription_id": "subscriptions"}
        check_field_names([*references], table="subscription_payment", references=references)
        longest = "fk_subscription_payments_tenant_id_subscription_id_subscriptions"
        assert len(longest) == 64
        with pytest.raises(CommandError, match=longest):
            check_field_names([*references], table="subscription_payments", references=references)

    def test_schemas_have_no_other_attributes(self) -> None:
        known = {name for name in dir(PageQuery) if not name.startswith("_")}
        assert known | set(PageQuery.model_fields) == words.SCHEMA_ATTRIBUTES

    @given(st.lists(any_text, max_size=4))
    @settings(deadline=None, database=None)
    def test_any_texts_are_names_or_refused(self, texts: list[str]) -> None:
        try:
            check_field_names(texts, table="orders")
        except CommandError:
            refusal_of(lambda: check_field_names(texts, table="orders"))
            return
        assert len(set(texts)) == len(texts)
        for text in texts:
            assert NAME.fullmatch(text)
            assert len(f"ix_orders_tenant_id_{text}") <= 63


@pytest.mark.quick
def test_names_in_class_bodies(render: Render) -> None:
    """A field would hide a name that the rest of its class reads."""
    defaults = {"bool": "true", "date": "today", "datetime": "now", "time": "09:30", "json": "{}"}
    types = {"decimal": "decimal:9:2", "enum": "enum:a/b"}
    fields = [
        make(f"field_{name}:{types.get(name, name)}{flag}")
        for name in KINDS
        for flag in ("", f",default={defaults[name]}" if name in defaults else "")
    ]
    customer = make_reference(
        parse("customer:ref:customer,load=joined"), CUSTOMER, resource="Order"
    )
    resource = Resource(derive_names("order"), [*fields, customer])
    read = find_names_in_classes(render(OPPOSITES[0]).path / "scaffold", resource)
    imported = {name for file in CHECKED_FILES for _, name in resource.get_imports_for(file)}
    for name in read - imported:
        with pytest.raises(CommandError):
            check_field(name)
    # Only `manage inspect` writes these types.
    assert words.BODY_NAMES - read == {"bytes", "list", "timedelta"}


def find_names_in_classes(folder: Path, resource: Resource) -> set[str]:
    """Return the names in lower case that the classes of models and schemas read."""
    modules = [
        ast.parse(render_template(template, resource.build_context()))
        for template in find_templates(folder, resource.names)
        if template.target in ("app/orders/models.py", "app/orders/schemas.py")
    ]
    classes = [node for tree in modules for node in tree.body if isinstance(node, ast.ClassDef)]
    names = {node for item in classes for node in ast.walk(item) if isinstance(node, ast.Name)}
    return {node.id for node in names if isinstance(node.ctx, ast.Load) and node.id.islower()}


@each(OPPOSITES)
def test_lists_are_those_of_the_project(stack: Stack, install: Install) -> None:
    """The reserved words and the attributes of models may change with new versions."""
    project = install(stack)
    with project.lock():
        words_of_project = json.loads(project.uv_run("python", "-c", PRINT_WORDS).splitlines()[-1])
    assert set(words_of_project["words"]) == words.RESERVED_KEYWORDS
    assert set(words_of_project["column_words"]) == words.COLUMN_NAME_KEYWORDS
    assert set(words_of_project["columns"]) == words.SYSTEM_COLUMNS
    assert set(words_of_project["attributes"]) <= words.MODEL_ATTRIBUTES | words.KERNEL_COLUMNS


def test_today_is_the_day_in_utc() -> None:
    """The process and the database may have other time zones than UTC, and than each other."""
    default = make_field(parse("day:date,default=today"), resource="Order").default
    assert default is not None
    assert "utc_today" in default.python
    assert "'utc'" in default.sql
    assert "'utc'" in default.server


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("note:text", "cannot be sorted by a field of this type"),
        ("done:bool", "cannot be sorted by a field of this type"),
        ("due:date,optional", "an optional field can be null"),
        ("name:str:601", "limited to 600 characters"),
        ("other:int", "by a field of the resource"),
    ],
)
def test_refused_sorts(field: str, sentence: str) -> None:
    columns = [make_field(parse(field), resource="Order")]
    with pytest.raises(CommandError, match=sentence):
        add_sort(columns, "sorted" if field == "other:int" else columns[0].name)


def test_sort_by_a_unique_field_needs_no_other_index() -> None:
    columns = [make_field(parse(spec), resource="Order") for spec in ("a:int,unique", "b:int")]
    resource = Resource(derive_names("order"), add_sort(add_sort(columns, "a"), "b"))
    assert (resource.sorts, resource.sort_indexes) == (["id", "a", "b"], ["b"])
