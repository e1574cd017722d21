"""The rows that every application reads, and the requests for them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.load import encode

USER_ID = "019a0000-0000-7000-8000-ffffffffffff"
EMAIL = "reader@example.com"
TENANT = "Readers"
ROWS = 1_000
PAGE_SIZE = 20
CONTENT = " ".join(["Lorem ipsum dolor sit amet, consectetur adipiscing elit."] * 4)
NEW_TITLE = "Created by the benchmark"
ARTICLES = "/api/v1/articles"

BASELINE_SCHEMA = f"""
CREATE TABLE users (
    id uuid PRIMARY KEY,
    email varchar(320) NOT NULL UNIQUE,
    password_hash varchar NOT NULL,
    role varchar NOT NULL,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE articles (
    id uuid PRIMARY KEY,
    title varchar(200) NOT NULL,
    content varchar NOT NULL,
    published boolean NOT NULL,
    owner_id uuid NOT NULL REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON articles (owner_id);
INSERT INTO users VALUES ('{USER_ID}', '{EMAIL}', '-', 'user', true);
"""
# The newest row has the highest number.
FILL = f"""
INSERT INTO articles (id, title, content, published, owner_id, created_at, updated_at)
SELECT
    ('019a0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
    'Article ' || n, '{CONTENT}', true,
    (SELECT id FROM users WHERE email = '{EMAIL}'),
    now() - ({ROWS} - n) * interval '1 minute', now()
FROM generate_series(1, {ROWS}) AS n;
VACUUM ANALYZE;
"""
TIDY = f"DELETE FROM articles WHERE title = '{NEW_TITLE}'; VACUUM ANALYZE articles;"


@dataclass(frozen=True)
class Scenario:
    name: str
    requests: Sequence[bytes]
    status: bytes


def set_tenant_sql(tenant: str) -> str:
    """Return the SQL that sets the tenant of the rows that the rest of a script inserts."""
    if not tenant:
        return ""
    return (
        "SELECT set_config('app.tenant_id', id::text, false)"
        f" FROM tenants WHERE name = '{tenant}';\n"
    )


def article_id(number: int) -> str:
    return f"019a0000-0000-7000-8000-{number:012x}"


def scenarios(tokens: Sequence[str]) -> list[Scenario]:
    """Return the compared requests; applications without authentication ignore the tokens."""
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    # 367 and 1000 have no common divisor: this is every row once, in an order without locality.
    ids = [article_id(number * 367 % ROWS + 1) for number in range(ROWS)]
    get_one = [
        encode("GET", f"{ARTICLES}/{id_}", headers=headers[number % len(headers)])
        for number, id_ in enumerate(ids)
    ]
    pages = [
        encode("GET", f"{ARTICLES}?limit={PAGE_SIZE}&include_total=true", headers=each)
        for each in headers
    ]
    new = json.dumps({"title": NEW_TITLE, "content": CONTENT, "published": True}).encode()
    creates = [encode("POST", ARTICLES, body=new, headers=each) for each in headers]
    return [
        Scenario("get one", get_one, b"200"),
        Scenario("list with total", pages, b"200"),
        Scenario("create", creates, b"201"),
    ]
