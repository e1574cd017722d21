"""The names that the scaffolder derives, and those that it rejects."""

import builtins
import keyword
import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from chassis_tools.scaffolding import words
from chassis_tools.scaffolding.names import NAME, derive_names
from chassis_tools.scaffolding.words import add_indefinite_article, singularize
from hypothesis import given, settings
from hypothesis import strategies as st
from manage.errors import CommandError

from tests.support.crash_injection import IMPORTS
from tests.support.words import in_order

PLURALS = in_order(
    """
    address:addresses analysis:analyses article:articles box:boxes bus:buses category:categories
    child:children city:cities company:companies criterion:criteria datum:data day:days
    equipment:equipment fish:fish glass:glasses hero:heroes index:indices information:information
    invoice:invoices key:keys knife:knives leaf:leaves lens:lenses man:men matrix:matrices
    media:media medium:media mouse:mice news:news order_line:order_lines person:people photo:photos
    quiz:quizzes school_class:school_classes series:series sheep:sheep staff:staff status:statuses
    tax:taxes toy:toys virus:viruses woman:women
    """
)
SINGULARS = in_order(
    """
    address alias analysis atlas basis bias boss bus business campus canvas census chaos chassis chess
    crisis gas glass gps iris lens news pelvis process redis series species status virus
    """
)
EVERYDAY = in_order(
    """
    account case client comment datum event file group image job key location match member message
    model_number note order owner payment person photo position post price problem product profile
    project query room rule schema select status table tag task team ticket title token value
    """
)

REFUSED = {
    "capitals": ("OrderLine", "is not in snake_case", "order_line"),
    "acronym": ("HTTPServer", "is not in snake_case", "http_server"),
    "dash": ("order-line", "is not in snake_case", "order_line"),
    "dot": ("order.line", "is not in snake_case", "order_line"),
    "path": ("../evil", "is not in snake_case", "evil"),
    "blank": ("order line", "is not in snake_case", "order_line"),
    "empty": ("", "is not in snake_case", None),
    "leading digit": ("2nd_order", "is not in snake_case", None),
    "leading underscore": ("_order", "is not in snake_case", "order"),
    "trailing underscore": ("order_", "is not in snake_case", "order"),
    "double underscore": ("order__line", "is not in snake_case", "order_line"),
    "line break": ("order\n", "is not in snake_case", "order"),
    "accents": ("größe", "is not in snake_case", "grosse"),
    "other letters": ("データ", "is not in snake_case", None),
    "64 characters": ("a" * 64, "has 64 characters", None),
    "plural": ("articles", "is a plural", "article"),
    "irregular plural": ("people", "is a plural", "person"),
    "plural of a compound": ("order_lines", "is a plural", "order_line"),
    "plural in capitals": ("OrderLines", "is not in snake_case", "order_line"),
    "keyword": ("class", "is a Python keyword", "school_class"),
    "keyword with a capital": ("none", "is a Python keyword", "none_entry"),
    "builtin": ("type", "is a built-in name of Python", "kind"),
    "builtin of site": ("license", "is a built-in name of Python", "software_license"),
    "builtin class": ("warning", "is a built-in name of Python", "alert"),
    "builtin plural": ("credit", "has the plural credits, which is a built-in", "credit_note"),
    "kernel": ("user", "is reserved by the kernel", "customer"),
    "plural of the kernel": ("users", "is reserved by the kernel", "customer"),
    "operation of the kernel": ("invitation", "is reserved by the kernel", "event_invitation"),
    "module of the kernel": ("route", "has the plural routes, which is reserved", "delivery_route"),
    "table of the kernel": ("session", "is reserved by the kernel", "work_session"),
    "imported class": ("page", "has another meaning", "web_page"),
    "variable": ("request", "has another meaning", "service_request"),
    "reserved plural": ("reference", "which is a reserved word in SQL", "literature_reference"),
    "catalog": ("pg_stat", "starts with pg_", None),
    "ambiguous": ("l", "is easily confused with a digit", "l_entry"),
}
WORDS = sorted(
    {*dir(builtins), *keyword.kwlist, *words.RESERVED_KEYWORDS, *words.VARIABLES, *words.CLASSES}
    | {*words.KERNEL_RESOURCES, *words.KERNEL_PLURALS, *words.RESOURCE_ALTERNATIVES}
    | {*words.SCHEMA_ATTRIBUTES, *words.BODY_NAMES, *words.FIELD_ALTERNATIVES}
)


any_text = st.one_of(
    st.text(),
    st.from_regex(NAME, fullmatch=True),
    st.sampled_from(WORDS),
    st.tuples(st.sampled_from(WORDS), st.sampled_from(["s", "_id", "-1", "X", "é"])).map("".join),
)


def refusal_of(check: Callable[[], object]) -> str:
    """Return the error message."""
    with pytest.raises(CommandError) as refused:
        check()
    sentence = str(refused.value)
    assert sentence.isprintable()
    assert sentence.strip() == sentence
    assert not sentence.endswith(".")
    return sentence


@pytest.mark.quick
class TestForms:
    @pytest.mark.parametrize("pair", PLURALS)
    @pytest.mark.parametrize("start", ["", "spare_"])
    def test_plurals(self, pair: str, start: str) -> None:
        singular, _, plural = pair.partition(":")
        assert derive_names(start + singular).plural == start + plural

    def test_every_form(self) -> None:
        names = derive_names("order_line")
        assert names.class_name == "OrderLine"
        assert (names.words, names.plural_words) == ("order line", "order lines")
        assert (names.constant, names.path) == ("ORDER_LINES", "order-lines")
        assert names.a_words == "an order line"

    def test_article(self) -> None:
        for noun in ("company", "user", "unit", "url", "one time code", "european", "hotel", "tv"):
            assert add_indefinite_article(noun) == f"a {noun}"
        for noun in ("hour", "order", "umbrella", "uninvited guest", "sms", "heir", "x"):
            assert add_indefinite_article(noun) == f"an {noun}"

    def test_given_plural_is_taken(self) -> None:
        assert derive_names("kubernetes", "clusters").plural == "clusters"
        assert derive_names("articles", "articles").singular == "articles"

    def test_nothing_slow_is_imported(self) -> None:
        """All parts of the command import this module, so it must load fast."""
        code = "import chassis_tools.scaffolding.names, sys; print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, IMPORTS))},
            capture_output=True,
            text=True,
            check=True,
        )
        slow = {"fastapi", "pluralizer", "pydantic", "sqlalchemy", "typing_extensions"}
        assert not slow & set(done.stdout.split())


@pytest.mark.quick
class TestResources:
    @pytest.mark.parametrize("name", SINGULARS)
    def test_singular_in_s_is_no_plural(self, name: str) -> None:
        assert singularize(name) is None
        assert singularize(f"spare_{name}") is None

    @pytest.mark.parametrize("name", EVERYDAY)
    def test_everyday_word_is_accepted(self, name: str) -> None:
        assert derive_names(name).singular == name

    @pytest.mark.parametrize(("name", "reason", "better"), REFUSED.values(), ids=REFUSED)
    def test_refused(self, name: str, reason: str, better: str | None) -> None:
        sentence = refusal_of(lambda: derive_names(name))
        assert reason in sentence
        assert sentence.partition(": use ")[2] == (better or "")

    @pytest.mark.parametrize(
        ("plural", "sentence"),
        [
            ("order-lines", "order-lines is not in snake_case"),
            ("order", "order is a reserved word in SQL: use orders"),
            ("users", "users is reserved by the kernel"),
            ("bytes", "bytes is a built-in name of Python"),
            ("payload", "payload has another meaning in the tests: use payloads"),
            ("a" * 36, "has 36 characters"),
        ],
    )
    def test_refused_plural(self, plural: str, sentence: str) -> None:
        assert sentence in refusal_of(lambda: derive_names("thing", plural))

    @pytest.mark.parametrize("form", ["{}", "{}s", "X{}"])
    def test_suggestion_is_accepted(self, form: str) -> None:
        for word in WORDS:
            try:
                derive_names(form.format(word))
            except CommandError as refused:
                if suggestion := str(refused).partition(": use ")[2]:
                    derive_names(suggestion)

    @given(any_text)
    @settings(deadline=None, database=None)
    def test_any_text_is_a_name_or_refused(self, text: str) -> None:
        try:
            names = derive_names(text)
        except CommandError:
            refusal_of(lambda: derive_names(text))
            return
        assert names.singular == text
        for part in (names.singular, names.plural, names.class_name, names.constant):
            assert part.isidentifier()
            assert part.isascii()
            assert not keyword.iskeyword(part)
        assert len(f"fk_{names.plural}_tenant_id_owner_id_users") <= 63
        assert not {names.singular, names.class_name, names.plural} & set(dir(builtins))
