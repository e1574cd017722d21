"""Single requests: register, log in, and check that all applications return the same rows."""

import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from benchmarks.data import ARTICLES, CONTENT, EMAIL, NEW_TITLE, PAGE_SIZE, ROWS, article_id


class Client:
    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.address = f"http://127.0.0.1:{port}"
        self.headers: dict[str, str] = {}

    def call(self, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
        headers = {**self.headers, "Content-Type": kind} if body else self.headers
        request = urllib.request.Request(self.address + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                content = response.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{self.name}, {path}: {error}\n{error.read().decode()}") from None
        return json.loads(content) if content else None

    def post(self, path: str, **fields: Any) -> Any:
        return self.call(path, json.dumps(fields).encode())

    def register_and_log_in(self, sessions: int, tenant: str) -> list[str]:
        """Return access tokens of the rendered project, one per session."""
        password = secrets.token_urlsafe(20)
        organization = {"organization": tenant} if tenant else {}
        person = {"email": EMAIL, "name": "Reader", "password": password}
        self.post("/api/v1/auth/register", **person, **organization)
        fields = {"username": EMAIL, "password": password}
        if tenant:
            fields["client_id"] = tenant.lower()
        form = urllib.parse.urlencode(fields).encode()
        path, kind = "/api/v1/auth/login", "application/x-www-form-urlencoded"
        return [self.call(path, form, kind)["access_token"] for _ in range(sessions)]

    def check(self, token: str) -> None:
        """Check that the application returns the expected rows, order and fields."""
        self.headers["Authorization"] = f"Bearer {token}"
        newest = {"id": article_id(ROWS), "title": f"Article {ROWS}", "content": CONTENT}
        self._expect(self.call(f"{ARTICLES}/{article_id(ROWS)}"), newest)
        page = self.call(f"{ARTICLES}?limit={PAGE_SIZE}&include_total=true")
        self._expect(page, {"total": ROWS, "limit": PAGE_SIZE})
        self._expect(page["items"][0], newest)
        if len(page["items"]) != PAGE_SIZE:
            raise RuntimeError(
                f"{self.name} lists {len(page['items'])} items instead of {PAGE_SIZE}"
            )
        new = {"title": NEW_TITLE, "content": CONTENT, "published": True}
        self._expect(self.post(ARTICLES, **new), new)

    def _expect(self, answer: dict[str, Any], fields: dict[str, Any]) -> None:
        if not fields.items() <= answer.items():
            raise RuntimeError(f"{self.name} returns {answer} instead of {fields}")
