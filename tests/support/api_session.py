"""An API client and a scenario, whose responses are recorded to compare stacks."""

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
# Recorded after the response, and so either before or after the next one.
EVENTUAL = {"last_used_at"}
RECORDED_HEADERS = ("content-type", "location", "www-authenticate", "allow", "cache-control")
PASSWORD = "correct horse battery staple"  # of no real account


Exchange = dict[str, Any]


class ApiSession:
    """An HTTP client that records responses, with volatile values replaced by names."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = httpx2.Client(base_url=server.url)
        self.record: list[Exchange] = []
        self._names: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def request(
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
                    for name in RECORDED_HEADERS
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
        """Replace volatile values; number ids by first appearance, so that confused ones show."""
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
class ApiUser:
    """An authenticated user."""

    session: ApiSession
    token: str
    refresh_token: str | None

    def request(self, method: str, path: str, expected: int, **options: Any) -> Any:
        response = self.session.request(
            method, f"/api/v1{path}", expected, token=self.token, **options
        )
        return response.json() if response.content else None


def run_scenario(server: Server, stack: Stack) -> list[Exchange]:
    """Register, log in, write articles, be refused, log out; return the responses."""
    with ApiSession(server) as session:
        play(session, stack)
    return session.record


def play(session: ApiSession, stack: Stack) -> None:
    send_anonymous_requests(session)
    ann = register(session, stack, "ann@example.org", "Acme")
    bob = (
        accept_invitation(ann, "bob@example.org")
        if stack.multi_tenancy
        else register(session, stack, "bob@example.org")
    )
    manage_account(ann, is_admin=stack.multi_tenancy)
    manage_api_keys(bob)
    if stack.example:
        article = write_articles(ann)
        access_foreign_article(bob, article, 403)
        if stack.multi_tenancy:
            access_foreign_article(
                register(session, stack, "eve@example.org", "Evil"), article, 404
            )
        delete_article(ann, article)
    reset_password(bob, "acme" if stack.multi_tenancy else "")
    log_out(ann)


def send_anonymous_requests(session: ApiSession) -> None:
    session.request("GET", "/health/live", 200)
    session.request("GET", "/health/ready", 200)
    session.request("GET", "/nowhere", 404)
    session.request("GET", "/api/v1/users/me", 401)
    session.request("GET", "/api/v1/users/me", 401, token="nonsense")
    session.request("PUT", "/api/v1/auth/login", 405)
    session.request("POST", "/api/v1/auth/register", 422, json={"email": "nobody"})
    session.request("POST", "/api/v1/auth/register", 422, content="{")


def register(session: ApiSession, stack: Stack, email: str, organization: str = "") -> ApiUser:
    registration = {"email": email, "name": "Somebody", "password": PASSWORD}
    if stack.multi_tenancy:
        session.request(
            "POST", "/api/v1/auth/register", 201, json=registration | {"organization": organization}
        )
    else:
        session.request("POST", "/api/v1/auth/register", 202, json=registration)
    verification = {"token": session.server.mailed_token(email)}
    session.request("POST", "/api/v1/auth/verify-email", 204, json=verification)
    session.request("POST", "/api/v1/auth/verify-email", 422, json=verification)
    return log_in(session, email, organization.lower())


def accept_invitation(admin: ApiUser, email: str) -> ApiUser:
    admin.request("POST", "/invitations", 201, json={"email": email})
    invitation = {
        "token": admin.session.server.mailed_token(email),
        "name": "Bob",
        "password": PASSWORD,
    }
    admin.request("POST", "/invitations/accept", 200, json=invitation)
    return log_in(admin.session, email, "acme")


def log_in(session: ApiSession, email: str, tenant: str, password: str = PASSWORD) -> ApiUser:
    headers = {"X-Tenant": tenant} if tenant else {}
    wrong = {"username": email, "password": "wrong"}
    session.request("POST", "/api/v1/auth/login", 401, data=wrong, headers=headers)
    right = {"username": email, "password": password}
    answer = session.request("POST", "/api/v1/auth/login", 200, data=right, headers=headers).json()
    return ApiUser(session, answer["access_token"], answer.get("refresh_token"))


def manage_account(ann: ApiUser, *, is_admin: bool) -> None:
    ann.request("GET", "/users/me", 200)
    ann.request("PATCH", "/users/me", 200, json={"name": "Ann"})
    ann.request("PATCH", "/users/me", 422, json={"role": "admin"})
    ann.request("GET", "/users", 200 if is_admin else 403)
    ann.request("GET", "/auth/sessions", 200)


def manage_api_keys(bob: ApiUser) -> None:
    made = bob.request("POST", "/auth/api-keys", 201, json={"name": "robot"})
    bob.session.request("GET", "/api/v1/users/me", 200, headers={"X-API-Key": made["key"]})
    bob.request("GET", "/auth/api-keys", 200)
    bob.request("DELETE", f"/auth/api-keys/{made['id']}", 204)
    bob.session.request("GET", "/api/v1/users/me", 401, headers={"X-API-Key": made["key"]})


def write_articles(ann: ApiUser) -> str:
    ann.request("POST", "/articles", 422, json={"title": ""})
    for number in range(3):
        made = ann.request(
            "POST", "/articles", 201, json={"title": f"No. {number}", "content": "Text"}
        )
    ann.request("GET", "/articles", 200, params={"sort": "title", "limit": 2, "offset": 1})
    page = ann.request("GET", "/articles", 200, params={"cursor": "", "limit": 2})
    ann.request("GET", "/articles", 200, params={"cursor": page["next_cursor"], "limit": 2})
    ann.request("GET", "/articles", 422, params={"sort": "content"})
    ann.request("GET", f"/articles/{made['id']}", 200)
    changed = ann.request("PATCH", f"/articles/{made['id']}", 200, json={"published": True})
    assert changed == made | {"published": True, "updated_at": changed["updated_at"]}
    ann.request("GET", "/articles", 200, params={"published": True})
    article: str = made["id"]
    return article


def access_foreign_article(other: ApiUser, article: str, refusal: int) -> None:
    """Try to change another user's article, which users of the same tenant may read."""
    other.request("GET", f"/articles/{article}", 404 if refusal == 404 else 200)
    other.request("PATCH", f"/articles/{article}", refusal, json={"title": "Mine"})
    other.request("DELETE", f"/articles/{article}", refusal)
    other.request("GET", "/articles", 200)


def delete_article(ann: ApiUser, article: str) -> None:
    ann.request("DELETE", f"/articles/{article}", 204)
    ann.request("GET", f"/articles/{article}", 404)
    ann.request("DELETE", f"/articles/{article}", 404)
    assert ann.request("GET", "/articles", 200, params={"include_total": "true"})["total"] == 2


def reset_password(bob: ApiUser, tenant: str) -> None:
    headers = {"X-Tenant": tenant} if tenant else {}
    address = {"email": "bob@example.org"}
    bob.session.request("POST", "/api/v1/auth/forgot-password", 202, json=address, headers=headers)
    new = {
        "token": bob.session.server.mailed_token("bob@example.org"),
        "new_password": "another one",
    }
    bob.session.request("POST", "/api/v1/auth/reset-password", 204, json=new)
    bob.request("GET", "/users/me", 401)
    log_in(bob.session, "bob@example.org", tenant, "another one")


def log_out(ann: ApiUser) -> None:
    if ann.refresh_token:
        ann.request("POST", "/auth/refresh", 200, json={"refresh_token": ann.refresh_token})
    ann.request("POST", "/auth/logout", 204)
    ann.request("GET", "/users/me", 401)
