import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from chassis_tools.diagnosis.template_checks import FIXED_ANSWERS
from copier import run_copy

from tests.conftest import REPOSITORY, Render
from tests.support.copier_speed import fast_copier
from tests.support.questions import load_config
from tests.support.renderings import COMPUTED
from tests.support.stacks import Stack

pytestmark = pytest.mark.quick

KEYS = ["type", "help", "choices", "default", "when", "validator"]
FORBIDDEN = {"_tasks", "_jinja_extensions", "_migrations"}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return load_config(REPOSITORY)


@pytest.fixture(scope="module")
def questions(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: entry for name, entry in config.items() if not name.startswith("_")}


def is_computed(question: dict[str, Any]) -> bool:
    return question.get("when") is False


def test_nothing_that_needs_trust(config: dict[str, Any]) -> None:
    """With any of these settings, every user must pass --trust at the next update."""
    assert not FORBIDDEN & set(config)
    assert config["_envops"] == {
        "trim_blocks": True,
        "lstrip_blocks": True,
        "keep_trailing_newline": True,
        "undefined": "jinja2.StrictUndefined",
    }
    assert config["_min_copier_version"]


def test_answers_of_these_tests_are_asked(questions: dict[str, dict[str, Any]]) -> None:
    """Copier ignores unknown answers: after a renamed question, tests would test nothing."""
    asked = {name for name, question in questions.items() if not is_computed(question)}
    assert set(Stack().answers) | {"project_name", "description"} <= asked
    assert set(COMPUTED) <= set(questions)


def test_choices_of_these_tests_exist(questions: dict[str, dict[str, Any]]) -> None:
    for stack in (Stack(), Stack("sync", "per-layer", "dbmate", True, "session")):
        for name, answer in stack.answers.items():
            if choices := questions[name].get("choices"):
                assert answer in choices.values(), name


def test_every_choice_is_accepted(questions: dict[str, dict[str, Any]], checkout: Path) -> None:
    """The validation of answers repeats the choices; a forgotten one would be rejected."""
    choices = {
        name: list((question.get("choices") or {"on": True, "off": False}).values())
        for name, question in questions.items()
        if not is_computed(question) and (question["type"] == "bool" or question.get("choices"))
    }
    for turn in range(max(map(len, choices.values()))):
        data = {name: tokens[turn % len(tokens)] for name, tokens in choices.items()}
        with fast_copier():
            run_copy(
                str(checkout),
                "nowhere",
                data=data,
                defaults=True,
                quiet=True,
                pretend=True,
                vcs_ref="HEAD",
            )


def test_keys_stand_in_order(questions: dict[str, dict[str, Any]]) -> None:
    for name, question in questions.items():
        assert list(question) == [key for key in KEYS if key in question], name


def test_settings_then_questions_then_computed(config: dict[str, Any]) -> None:
    ranks = [
        0
        if name.startswith("_")
        else 2
        if is_computed(entry) and not name.endswith("_are_valid")
        else 1
        for name, entry in config.items()
    ]
    assert ranks == sorted(ranks)


def test_every_question_explains_itself(questions: dict[str, dict[str, Any]]) -> None:
    for name, question in questions.items():
        if not is_computed(question):
            assert re.fullmatch(r"[A-Z].{30,}\.", question["help"].strip(), re.DOTALL), name
            assert "default" in question, name


def test_choices_map_a_label_to_a_token(questions: dict[str, dict[str, Any]]) -> None:
    for name, question in questions.items():
        for label, token in (question.get("choices") or {}).items():
            assert re.fullmatch(r"[a-z][a-z0-9-]*", token), name
            assert label != token, name


def test_settled_answers_are_the_same_in_a_project() -> None:
    """`manage doctor` has the same list; tenancy is fixed once it is on."""
    source = (REPOSITORY / "extensions" / "answers.jinja").read_text()
    (block,) = re.findall(r"set fixed = \{(.+?)\} %\}", source, re.DOTALL)
    assert set(re.findall(r"^  '(\w+)':", block, re.MULTILINE)) == FIXED_ANSWERS | {"multi_tenancy"}


def test_default_stack_is_the_default(questions: dict[str, dict[str, Any]]) -> None:
    assert {name: questions[name]["default"] for name in Stack().answers} == Stack().answers


def test_renders_the_stack_that_was_asked_for(render: Render) -> None:
    stack = Stack("sync", "per-layer", "dbmate", True, "session")
    answers = yaml.safe_load((render(stack).path / ".copier-answers.yml").read_text())
    assert stack.answers.items() <= answers.items()
    assert not set(COMPUTED) & set(answers)


def test_nothing_but_the_template_is_rendered(render: Render) -> None:
    names = [name for name in render(Stack()).files() if not name.startswith("scaffold/")]
    assert not [name for name in names if Path(name).suffix in {".jinja", ".pyc", ".rej", ".orig"}]
    assert not {".env", "uv.lock"} & set(names)
