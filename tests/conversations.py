"""What clients of every stack say to it, recorded so that stacks can be compared."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.stacks import Stack

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")
SECRET_KEYS = {"access_token", "refresh_token", "token", "key", "prefix", "next_cursor"}
TOLD_HEADERS = ("content-type", "location", "www-authenticate", "allow", "cache-control")
PASSWORD = "correct horse battery staple"  # nobody's


Exchange = dict[str, Any]


class Conversation:
    """Requests and their answers, with what differs from run to run replaced by a name."""

    def __init__(self, url: str) -> None:
        self.client = httpx2.Client(base_url=url)
        self.record: list[Exchange] = []
        self._names: dict[str, str] = {}

    def say(
        self, method: str, path: str, expected: int, *, token: str = "", **options: Any
    ) -> httpx2.Response:
        headers = options.pop("headers", {}) | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        response = self.client.request(method, path, headers=headers, **options)
        assert response.status_code == expected, f"{method} {path}: {response.text}"
        self.record.append(
            {
                "request": self._mask(f"{method} {path}"),
                "status": response.status_code,
                "headers": {
                    name: self._mask(response.headers[name])
                    for name in TOLD_HEADERS
                    if name in response.headers
                },
                "body": self._mask_body(response),
            }
        )
        return response

    def _mask_body(self, response: httpx2.Response) -> Any:
        if "json" in response.headers.get("content-type", ""):
            return self._mask(response.json())
        return response.text

    def _mask(self, value: Any) -> Any:
        """Ids are numbered in the order of their first appearance, so that mixed-up ones show."""
        if isinstance(value, dict):
            return {
                key: f"<{key}>" if key in SECRET_KEYS and item else self._mask(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._mask(item) for item in value]
        if isinstance(value, str):
            value = UUID.sub(lambda found: self._name(found[0]), value)
            return TIME.sub("<time>", value)
        return value

    def _name(self, uuid: str) -> str:
        return self._names.setdefault(uuid, f"<id {len(self._names) + 1}>")


@dataclass(frozen=True)
class Person:
    """Somebody logged in."""

    talk: Conversation
    token: str
    refresh_token: str | None

    def say(self, method: str, path: str, expected: int, **options: Any) -> Any:
        response = self.talk.say(method, f"/api/v1{path}", expected, token=self.token, **options)
        return response.json() if response.content else None


def converse(url: str, stack: Stack) -> list[Exchange]:
    """Register, log in, write articles, be refused, log out."""
    talk = Conversation(url)
    visit_unknown(talk)
    ann = join(talk, stack, "ann@example.org", "Ann", "Acme")
    bob = join(talk, stack, "bob@example.org", "Bob", "Bolt")
    keep_account(ann)
    if stack.example:
        article = write_articles(ann)
        meddle(bob, article, hidden=stack.multi_tenancy)
        remove(ann, article)
    leave(ann, bob)
    return talk.record


def visit_unknown(talk: Conversation) -> None:
    talk.say("GET", "/health/live", 200)
    talk.say("GET", "/health/ready", 200)
    talk.say("GET", "/nowhere", 404)
    talk.say("GET", "/api/v1/users/me", 401)
    talk.say("GET", "/api/v1/users/me", 401, token="nonsense")
    talk.say("PUT", "/api/v1/auth/login", 405)
    talk.say("POST", "/api/v1/auth/register", 422, json={"email": "nobody"})
    talk.say("POST", "/api/v1/auth/register", 422, content="{")


def join(talk: Conversation, stack: Stack, email: str, name: str, organization: str) -> Person:
    person = {"email": email, "name": name, "password": PASSWORD}
    tenant = {"organization": organization} if stack.multi_tenancy else {}
    headers = {"X-Tenant": organization.lower()} if stack.multi_tenancy else {}
    created = 201 if stack.multi_tenancy else 202
    talk.say("POST", "/api/v1/auth/register", created, json=person | tenant)
    wrong = {"username": email, "password": "wrong"}
    talk.say("POST", "/api/v1/auth/login", 401, data=wrong, headers=headers)
    right = {"username": email, "password": PASSWORD}
    answer = talk.say("POST", "/api/v1/auth/login", 200, data=right, headers=headers).json()
    return Person(talk, answer["access_token"], answer.get("refresh_token"))


def keep_account(ann: Person) -> None:
    ann.say("GET", "/users/me", 200)
    ann.say("PATCH", "/users/me", 200, json={"name": "Ann Other"})
    ann.say("PATCH", "/users/me", 422, json={"role": "admin"})
    ann.say("GET", "/users", 403)
    ann.say("GET", "/auth/sessions", 200)


def write_articles(ann: Person) -> str:
    ann.say("POST", "/articles", 422, json={"title": ""})
    for number in range(3):
        made = ann.say("POST", "/articles", 201, json={"title": f"No. {number}", "content": "Text"})
    ann.say("GET", "/articles", 200, params={"sort": "title", "limit": 2, "offset": 1})
    page = ann.say("GET", "/articles", 200, params={"cursor": "", "limit": 2})
    ann.say("GET", "/articles", 200, params={"cursor": page["next_cursor"], "limit": 2})
    ann.say("GET", "/articles", 422, params={"sort": "content"})
    ann.say("GET", f"/articles/{made['id']}", 200)
    changed = ann.say("PATCH", f"/articles/{made['id']}", 200, json={"published": True})
    assert changed == made | {"published": True, "updated_at": changed["updated_at"]}
    ann.say("GET", "/articles", 200, params={"published": True})
    article: str = made["id"]
    return article


def meddle(bob: Person, article: str, *, hidden: bool) -> None:
    """Read and change another's article; one of another tenant does not even exist."""
    bob.say("GET", f"/articles/{article}", 404 if hidden else 200)
    bob.say("PATCH", f"/articles/{article}", 404 if hidden else 403, json={"title": "Mine"})
    bob.say("DELETE", f"/articles/{article}", 404 if hidden else 403)
    bob.say("GET", "/articles", 200)


def remove(ann: Person, article: str) -> None:
    ann.say("DELETE", f"/articles/{article}", 204)
    ann.say("GET", f"/articles/{article}", 404)
    ann.say("DELETE", f"/articles/{article}", 404)
    assert ann.say("GET", "/articles", 200)["total"] == 2


def leave(ann: Person, bob: Person) -> None:
    if ann.refresh_token:
        ann.say("POST", "/auth/refresh", 200, json={"refresh_token": ann.refresh_token})
    ann.say("POST", "/auth/logout", 204)
    ann.say("GET", "/users/me", 401)
    bob.say("POST", "/auth/logout-all", 204)
    bob.say("GET", "/users/me", 401)
