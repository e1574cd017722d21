"""Search for SQL statements that use a table."""

import re
from collections.abc import Iterator

# A keyword before the name of a table, and keywords of which the statement contains one.
CLAUSES = (
    ("FROM|JOIN|USING", "SELECT|DELETE|UPDATE|MERGE"),
    ("INTO", "INSERT|MERGE"),
    ("UPDATE", "SET"),
    ("COPY", "FROM|TO"),
    ("TABLE|COLUMN|VIEW", "CREATE|ALTER|DROP|LOCK|TRUNCATE|COMMENT|REFRESH"),
    ("ON", "CREATE|ALTER|DROP|GRANT|REVOKE"),
    ("REFERENCES|LIKE", "CREATE|ALTER"),
)
# The same for the other tables of a list, such as `FROM lines, orders`.
LISTS = (
    ("FROM|USING", "SELECT|DELETE|UPDATE|MERGE"),
    ("ON", "GRANT|REVOKE"),
    ("TABLE|TRUNCATE|LOCK", "DROP|TRUNCATE|LOCK"),
)
# Keywords that need no other one; in lower case, most of them are also words of prose.
COMMANDS = r"TRUNCATE|truncate|(?:VACUUM|vacuum)(?:\s*\([^()]*\))?|LOCK|ANALYZE|CLUSTER|TABLE"
OPTIONS = r"(?:\s+(?:TABLE|IF|NOT|EXISTS|ONLY|LATERAL|CONCURRENTLY|FULL|ANALYZE|VERBOSE)\b)*"
STRING_OR_COMMENT = re.compile(r"('[^']*')|--[^\n]*|/\*.*?\*/", re.DOTALL)


def find_table_use(text: str, table: str) -> int | None:
    """Return the offset of the first clause that uses a table in a text with SQL, or None.

    A clause is found by its keyword and the name after it, so that the time is linear.
    """
    if not re.search(re.escape(table), text, re.IGNORECASE):
        return None
    name = rf'(?:[^\s,;()]+\.)?"?(?i:{re.escape(table)})\b'
    for statement in re.finditer("[^;]+", STRING_OR_COMMENT.sub(blank, text)):
        if offsets := list(find_clauses(statement[0], name)):
            return statement.start() + min(offsets)
    return None


def find_clauses(statement: str, name: str) -> Iterator[int]:
    """Yield the offsets of clauses that use a table, whose name is a pattern."""
    place = rf"(?i:{OPTIONS})[\s(]*{name}"
    for keywords, required in CLAUSES:
        matches = list(re.finditer(rf"\b(?i:({keywords}))\b{place}", statement))
        if matches and is_sql({match[1] for match in matches}, required, statement):
            yield matches[0].start()
    for keywords, required in LISTS:
        start = re.search(rf"\b({keywords})\b", statement, re.IGNORECASE)
        other = re.compile(rf",\s*{name}").search(statement, start.end() if start else 0)
        if start and other and is_sql({start[1]}, required, statement):
            yield other.start()
    for pattern in (rf"\b(?:{COMMANDS}){place}", rf"(?i:'{name}\"?'\s*::\s*regclass)"):
        yield from (match.start() for match in re.finditer(pattern, statement))


def is_sql(keywords: set[str], required: str, statement: str) -> bool:
    """Return True if a statement contains a required keyword, written like the others.

    Prose has one keyword with a capital letter and one without: `Select … from …`.
    """
    others = set(re.findall(rf"\b(?:{required})\b", statement, re.IGNORECASE))
    upper = any(word.isupper() for word in keywords | others)
    styles = {word.istitle() for word in keywords} & {word.istitle() for word in others}
    return bool(others) and (upper or bool(styles))


def blank(match: re.Match[str]) -> str:
    """Replace a comment, and the semicolons in a string, with spaces."""
    return match[1].replace(";", " ") if match[1] else re.sub(r"[^\n]", " ", match[0])
