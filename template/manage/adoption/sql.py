"""Names, texts and expressions as SQL has them, whatever they hold."""

import re

from sqlalchemy.dialects import postgresql

from manage.scaffolding.reserved import COLUMN_WORDS, SQL_WORDS

PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
NOT_PLAIN = SQL_WORDS | COLUMN_WORDS
# The name in a text that stands for a table or a sequence, else a text, a name in quotes, a schema.
PUBLIC = re.compile(
    r"""'public\.((?:[^']|'')*)'(?=::reg)|'(?:[^']|'')*'|"(?:[^"]|"")*"|\bpublic\."""
)


def quoted(name: str) -> str:
    """A name, in quotes where PostgreSQL writes it so."""
    if PLAIN.fullmatch(name) and name not in NOT_PLAIN:
        return name
    return '"' + name.replace('"', '""') + '"'


def is_unknown(name: str) -> bool:
    """Whether SQLAlchemy would leave a name without the quotes that it needs."""
    return name in SQL_WORDS and DIALECT.identifier_preparer.quote(name) == name


def text(value: str) -> str:
    """A text of SQL."""
    return "'" + value.replace("'", "''") + "'"


def block(body: str) -> str:
    """A statement that runs a body of PL/pgSQL, in dollars that the body does not hold."""
    tag = "$$"
    while tag in body:
        tag = f"${tag.strip('$')}x$"
    return f"DO {tag} {body} {tag}"


def local(sql: str) -> str:
    """SQL as the database writes it for who has `public` on the path."""
    return PUBLIC.sub(without_schema, sql)


def without_schema(found: re.Match[str]) -> str:
    """What was found, without the schema unless that is part of a text."""
    if found[1] is not None:
        return f"'{found[1]}'"
    return "" if found[0] == "public." else found[0]


def bound(sql: str) -> str:
    """SQL in which no colon names a parameter."""
    return re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", sql)
