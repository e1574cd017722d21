"""Registries in many formats: module heads, and the lists below them."""

import textwrap

from chassis_tools.scaffolding.registries import add_model, add_router, remove_model, remove_router
from hypothesis import strategies as st

MODELS = '''\
"""Every model."""

from app.auth.models import ApiKey
from app.users.models import User

__all__ = [
    "ApiKey",
    "User",
]
'''
ROUTERS = '''\
"""Every router."""

from fastapi import APIRouter

from app.auth.routes import router as auth
from app.users.routes import router as users

routers: list[APIRouter] = [
    users,
    auth,
]
'''


def add_order_model(text: str) -> str:
    return add_model(text, module="app.orders.models", name="Order")


def remove_order_model(text: str) -> str:
    return remove_model(text, module="app.orders.models", name="Order")


def add_orders_router(text: str) -> str:
    return add_router(text, module="app.orders.routes", name="orders")


def remove_orders_router(text: str) -> str:
    return remove_router(text, module="app.orders.routes", name="orders")


def dedent(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


def dedent_all(texts: dict[str, str]) -> dict[str, str]:
    return {name: dedent(text) for name, text in texts.items()}


LISTS = dedent_all(
    {
        "on a line": "routers = [users, auth]",
        "empty": "routers = []",
        "empty and commented": """
        routers = [
            # none yet
        ]""",
        "without a last comma": """
        routers = [
            users,
            auth
        ]""",
        "tabs": "routers = [\n\tusers,\n\tauth,\n]",
        "several per line": """
        routers = [
            users, auth,
            *more,
        ]""",
        "commas in front": """
        routers = [
            users
            , auth
        ]""",
        "bracket on the entry's line": """
        routers = [users,
                   auth]""",
        "comments": """
        routers = [  # the order counts
            # The busiest:
            users,   # aligned
            auth,    # aligned, [too],
            # Nothing below.
        ]""",
        "tuple": "routers = (users, auth)",
        "tuple of one": "routers = (users,)",
        "empty tuple": "routers: tuple[APIRouter, ...] = ()",
        "parentheses": "routers = ([(users), (auth)])",
        "calls": "routers = [build(1, [2]), *map(str, (3, 4)), users]",
        "backslash": "routers = [users, \\\n    auth]",
        "annotated in letters": 'routers: list["Größe"] = [users, auth]',
        "extended": """
        routers: list[APIRouter] = [users]
        if more:
            routers += [more]
        routers.append(auth)""",
        "annotated before": """
        routers: list[APIRouter]
        routers = [users]""",
        "function of the same variable": """
        routers = [users]
        def first(routers: list[APIRouter]) -> APIRouter:
            routers = routers[:1]
            return routers[0]""",
    }
)
HEADS = dedent_all(
    {
        "plain": """
        from fastapi import APIRouter

        from app.auth.routes import router as auth
        from app.users.routes import router as users
        """,
        "look-alikes": """
        '''Look:

        from app.orders.routes import router as orders
        routers = [orders]
        '''
        from app.auth.routes import router as auth
        NOTE = "routers = [orders]"  # from app.orders.routes import router as orders
        """,
        "nothing": "",
        "docstring": '"""Größe."""',
        "comment": "# Ours",
        "third parties": "from fastapi import APIRouter",
        "kernel": """
        from fastapi import APIRouter

        from app.core.routing import more
        """,
        "relative": """
        from fastapi import APIRouter

        from .users.routes import router as users
        """,
        "relative alone": "from .users.routes import router as users",
        "parentheses": """
        from app.auth.routes import (
            other,  # as it is
            router as auth,
        )
        from app.users.routes import (router as users)
        """,
        "semicolons": "import os; from app.zoo.routes import router as zoo; x = [\n1]",
        "comments": """
        # Copyright

        # Ours
        from app.auth.routes import router as auth  # of users
        # Theirs
        from app.users.routes import router as users
        """,
        "in between": """
        import app.core.logging
        import app.seed
        log = app.core.logging.get()
        from app.users.routes import router as users

        @wraps(
            log
        )
        def more() -> None: ...
        """,
        "decorated": """
        @wraps
        def more() -> None: ...
        """,
        "blank lines": """
        from fastapi import APIRouter



        from app.auth.routes import router as auth

        from app.users.routes import router as users
        """,
    }
)
ENDS = {"lf": "\n", "crlf": "\r\n"}


NEWLINES = st.sampled_from(list(ENDS.values()))
SPACE = st.sampled_from(["", " ", "\n", "  # note, [a]\n", "\n\n    ", "\n\t", "\f "])
ENTRY = st.sampled_from(["users", "auth", "(auth)", "Größe", "f(a, b)", "*more", "x[1, 2]"])


@st.composite
def lists(draw: st.DrawFn) -> str:
    """Draw lists and tuples with whitespace, comments and commas in any place."""
    start, end = draw(st.sampled_from([("[", "]"), ("(", ")")]))
    entries = draw(st.lists(st.builds("{}{}{}".format, SPACE, ENTRY, SPACE), max_size=5))
    tail = draw(SPACE)
    comma = "," if entries and (len(entries) == 1 or draw(st.booleans())) else ""
    return f"routers = {start}{','.join(entries)}{comma}{tail}{end}"


@st.composite
def registries(draw: st.DrawFn) -> str:
    """Draw modules with up to two heads and a list below."""
    heads = draw(st.lists(st.sampled_from(list(HEADS.values())), max_size=2))
    body = draw(st.sampled_from(list(LISTS.values())) | lists())
    gap = draw(st.sampled_from(["\n", "\n\n", "\n# heading\n"]))
    end = draw(st.sampled_from(["", "\n", "\n\n# end\n", "\nfrom app.late import late"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return mark + (gap.join([*heads, body]) + end).replace("\n", draw(NEWLINES))


UNSAFE = {
    "syntax error": ("routers = [\n", "line 1 is not valid Python"),
    "no list": ("import os\n", "not define `routers`"),
    "annotation alone": ("routers: list[APIRouter]\n", "not define `routers`"),
    "call": ("routers = list([users])\n", "line 1 computes"),
    "sum": ("routers = [users] + more\n", "line 1 computes"),
    "comprehension": ("routers = [r for r in more]\n", "line 1 computes"),
    "set": ("routers = {users}\n", "line 1 computes"),
    "bare tuple": ("routers = users, auth\n", "parentheses"),
    "bare tuple of parentheses": ("routers = (users), (auth)\n", "parentheses"),
    "two assignments": ("routers = [users]\nrouters = [auth]\n", "line 2 assigns"),
    "conditional": ("if DEBUG:\n    routers = [users]\n", "inside another statement"),
    "either": ("routers = [users]\nif DEBUG:\n    routers = []\n", "line 3 assigns"),
    "two targets": ("routers = others = [users]\n", "inside another statement"),
    "unpacked": ("routers, others = [users], [auth]\n", "inside another statement"),
    "deleted": ("routers = [users]\ndel routers\n", "line 2 assigns"),
    "loop": ("routers = [users]\nfor routers in more: ...\n", "line 2 assigns"),
    "imported": ("from app.other import routers\n", "inside another statement"),
    "shared line": ("'''Doc.'''; routers = [users]\n", "contains statements besides"),
    "lambda": ("routers = [lambda a, b: a]\n", "unsupported format"),
    "wildcard": ("from app.zoo import *\nrouters = []\n", "imports `*`"),
    "condition": (
        "if DEBUG:\n    from app.orders.routes import router as orders\nrouters = []\n",
        "imports orders conditionally",
    ),
    "other name": (
        "from app.orders.routes import router as mine\nrouters = [mine]\n",
        "line 1 imports router as mine",
    ),
    "other meaning": (
        "from app.shop.routes import router as orders\nrouters = [orders]\n",
        "line 1 binds orders to something else",
    ),
    "function": ("def orders(): ...\nrouters = [orders]\n", "to something else"),
    "old line ends": ("routers = []\rx = 1\n", "carriage returns"),
    "null": ("routers = []\0\n", "not valid Python"),
}
