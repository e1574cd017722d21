"""What clients of every stack say to it, recorded so that stacks can be compared."""

import re
from typing import Any

import httpx2

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")
SECRET_KEYS = {"access_token", "refresh_token", "token", "key", "prefix", "next_cursor"}
TOLD_HEADERS = ("content-type", "location", "www-authenticate", "allow", "cache-control")
PASSWORD = "correct horse battery staple"  # nobody's


class Conversation:
    """Requests and their answers, with what differs from run to run replaced by a name."""

    def __init__(self, url: str) -> None:
        self.client = httpx2.Client(base_url=url)
        self.record: list[dict[str, Any]] = []
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
