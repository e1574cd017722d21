"""What clients of every stack say to it, recorded so that stacks can be compared."""

import re
from dataclasses import dataclass
from typing import Any, Self

import httpx2

from tests.support.projects import Server
from tests.support.stacks import Stack

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")
VOLATILE = {
    "access_token",
    "correlation_id",
    "key",
    "next_cursor",
    "prefix",
    "refresh_token",
    "token",
}
# Noted after the answer, so that the next one may come before or after it.
EVENTUAL = {"last_used_at"}
TOLD_HEADERS = ("content-type", "location", "www-authenticate", "allow", "cache-control")
PASSWORD = "correct horse battery staple"  # nobody's


Exchange = dict[str, Any]


class Conversation:
    """Requests and their answers, with what differs from run to run replaced by a name."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = httpx2.Client(base_url=server.url)
        self.record: list[Exchange] = []
        self._names: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

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
        if response.content and "json" in response.headers["content-type"]:
            return self._mask(response.json())
        return response.text

    def _mask(self, value: Any) -> Any:
        """Ids are numbered in the order of their first appearance, so that mixed-up ones show."""
        if isinstance(value, dict):
            return {
                key: f"<{key}>"
                if (key in VOLATILE and item) or key in EVENTUAL
                else self._mask(item)
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


def converse(server: Server, stack: Stack) -> list[Exchange]:
    """Register, log in, write articles, be refused, log out."""
    with Conversation(server) as talk:
        hold(talk, stack)
    return talk.record


def hold(talk: Conversation, stack: Stack) -> None:
    visit_unknown(talk)
    ann = join(talk, stack, "ann@example.org", "Acme")
    bob = (
        be_invited(ann, "bob@example.org")
        if stack.multi_tenancy
        else join(talk, stack, "bob@example.org")
    )
    keep_account(ann, is_admin=stack.multi_tenancy)
    keep_keys(bob)
    if stack.example:
        article = write_articles(ann)
        meddle(bob, article, 403)
        if stack.multi_tenancy:
            meddle(join(talk, stack, "eve@example.org", "Evil"), article, 404)
        remove(ann, article)
    change_password(bob, "acme" if stack.multi_tenancy else "")
    leave(ann)


def visit_unknown(talk: Conversation) -> None:
    talk.say("GET", "/health/live", 200)
    talk.say("GET", "/health/ready", 200)
    talk.say("GET", "/nowhere", 404)
    talk.say("GET", "/api/v1/users/me", 401)
    talk.say("GET", "/api/v1/users/me", 401, token="nonsense")
    talk.say("PUT", "/api/v1/auth/login", 405)
    talk.say("POST", "/api/v1/auth/register", 422, json={"email": "nobody"})
    talk.say("POST", "/api/v1/auth/register", 422, content="{")


def join(talk: Conversation, stack: Stack, email: str, organization: str = "") -> Person:
    person = {"email": email, "name": "Somebody", "password": PASSWORD}
    if stack.multi_tenancy:
        talk.say("POST", "/api/v1/auth/register", 201, json=person | {"organization": organization})
    else:
        talk.say("POST", "/api/v1/auth/register", 202, json=person)
    verification = {"token": talk.server.mailed_token(email)}
    talk.say("POST", "/api/v1/auth/verify-email", 204, json=verification)
    talk.say("POST", "/api/v1/auth/verify-email", 422, json=verification)
    return log_in(talk, email, organization.lower())


def be_invited(admin: Person, email: str) -> Person:
    admin.say("POST", "/invitations", 201, json={"email": email})
    invitation = {
        "token": admin.talk.server.mailed_token(email),
        "name": "Bob",
        "password": PASSWORD,
    }
    admin.say("POST", "/invitations/accept", 200, json=invitation)
    return log_in(admin.talk, email, "acme")


def log_in(talk: Conversation, email: str, tenant: str, password: str = PASSWORD) -> Person:
    headers = {"X-Tenant": tenant} if tenant else {}
    wrong = {"username": email, "password": "wrong"}
    talk.say("POST", "/api/v1/auth/login", 401, data=wrong, headers=headers)
    right = {"username": email, "password": password}
    answer = talk.say("POST", "/api/v1/auth/login", 200, data=right, headers=headers).json()
    return Person(talk, answer["access_token"], answer.get("refresh_token"))


def keep_account(ann: Person, *, is_admin: bool) -> None:
    ann.say("GET", "/users/me", 200)
    ann.say("PATCH", "/users/me", 200, json={"name": "Ann"})
    ann.say("PATCH", "/users/me", 422, json={"role": "admin"})
    ann.say("GET", "/users", 200 if is_admin else 403)
    ann.say("GET", "/auth/sessions", 200)


def keep_keys(bob: Person) -> None:
    made = bob.say("POST", "/auth/api-keys", 201, json={"name": "robot"})
    bob.talk.say("GET", "/api/v1/users/me", 200, headers={"X-API-Key": made["key"]})
    bob.say("GET", "/auth/api-keys", 200)
    bob.say("DELETE", f"/auth/api-keys/{made['id']}", 204)
    bob.talk.say("GET", "/api/v1/users/me", 401, headers={"X-API-Key": made["key"]})


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


def meddle(other: Person, article: str, refusal: int) -> None:
    """Change another's article, which everybody of the same tenant may read."""
    other.say("GET", f"/articles/{article}", 404 if refusal == 404 else 200)
    other.say("PATCH", f"/articles/{article}", refusal, json={"title": "Mine"})
    other.say("DELETE", f"/articles/{article}", refusal)
    other.say("GET", "/articles", 200)


def remove(ann: Person, article: str) -> None:
    ann.say("DELETE", f"/articles/{article}", 204)
    ann.say("GET", f"/articles/{article}", 404)
    ann.say("DELETE", f"/articles/{article}", 404)
    assert ann.say("GET", "/articles", 200)["total"] == 2


def change_password(bob: Person, tenant: str) -> None:
    headers = {"X-Tenant": tenant} if tenant else {}
    address = {"email": "bob@example.org"}
    bob.talk.say("POST", "/api/v1/auth/forgot-password", 202, json=address, headers=headers)
    new = {"token": bob.talk.server.mailed_token("bob@example.org"), "new_password": "another one"}
    bob.talk.say("POST", "/api/v1/auth/reset-password", 204, json=new)
    bob.say("GET", "/users/me", 401)
    log_in(bob.talk, "bob@example.org", tenant, "another one")


def leave(ann: Person) -> None:
    if ann.refresh_token:
        ann.say("POST", "/auth/refresh", 200, json={"refresh_token": ann.refresh_token})
    ann.say("POST", "/auth/logout", 204)
    ann.say("GET", "/users/me", 401)
