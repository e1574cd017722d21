"""Search responses for leaked values, and reduce them to snapshots that can be compared."""

import base64
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from httpx2 import Response

UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*(?:Z|[+-]\d\d:\d\d)?")
BASE64 = re.compile(r"[\w-]{16,}")

# Status, normalized body and headers.
Snapshot = tuple[int, Any, list[tuple[str, str]]]

# Different in every response, even to equal requests.
VOLATILE_HEADERS = {"x-correlation-id", "date", "content-length"}
VOLATILE_FIELDS = {"correlation_id", "timestamp"}


def find_leaks(response: Response, secrets: Collection[str], sent: Collection[str]) -> list[str]:
    """Return the secrets in a response, except those that the request itself sent.

    The response to a write may contain a sent value in another form, such as a name as a slug.
    """
    visible = " ".join([response.text, *map(": ".join, get_stable_headers(response))])
    visible = remove_values(visible.lower(), sent)
    visible = " ".join([visible, *decode_base64(visible, response.text)])
    written = "" if response.request.method == "GET" else " ".join(sent)
    return [secret for secret in secrets if secret in visible and secret not in written]


def remove_values(text: str, values: Collection[str]) -> str:
    """Remove values from a lower-case text where they are whole words."""
    for value in sorted(map(str.lower, values), key=len, reverse=True):
        # Most values are absent, and `in` is faster than compiling a pattern.
        if len(value) > 3 and value in text:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "", text)
    return text


def decode_base64(lower: str, original: str) -> Iterator[str]:
    """Yield the decoded cursors and tokens of a text; base64 needs the original case."""
    for encoded in BASE64.findall(original):
        if encoded.lower() in lower:
            padded = encoded + "=" * (-len(encoded) % 4)
            try:
                yield base64.urlsafe_b64decode(padded).decode("utf-8", "ignore").lower()
            except ValueError:
                continue


def take_snapshot(response: Response, sent: Collection[str]) -> Snapshot:
    """Return a response without the values that the request sent and without volatile values.

    Errors keep their text; other responses keep their structure and, for GET, their numbers.
    """
    try:
        body: Any = response.json()
    except json.JSONDecodeError:
        body = response.text
    is_error = response.status_code >= 400
    numbers = is_error or response.request.method == "GET"
    headers = [(name, mask_values(value, sent)) for name, value in get_stable_headers(response)]
    return response.status_code, normalize(body, sent, texts=is_error, numbers=numbers), headers


def normalize(value: Any, sent: Collection[str], *, texts: bool, numbers: bool) -> Any:
    """Replace the parts of a JSON value that are not compared."""
    match value:
        case dict():
            return {
                name: normalize(inner, sent, texts=texts, numbers=numbers)
                for name, inner in value.items()
                if name not in VOLATILE_FIELDS
            }
        case list():
            return [normalize(inner, sent, texts=texts, numbers=numbers) for inner in value]
        case str():
            return mask_values(value, sent) if texts else "text"
        case bool() | None:
            return value
        case _:
            return value if numbers else "number"


def mask_values(text: str, sent: Collection[str]) -> str:
    """Remove the sent values from a text, and mask ids and times."""
    remaining = remove_values(text.lower(), sent)
    return TIME.sub("<time>", UUID.sub("<id>", remaining))


def get_stable_headers(response: Response) -> list[tuple[str, str]]:
    """Return the headers that are equal in the responses to equal requests."""
    return [
        (name, value) for name, value in response.headers.items() if name not in VOLATILE_HEADERS
    ]


def flatten(value: Any) -> Iterator[str]:
    """Yield every value of a JSON body as a string."""
    match value:
        case dict():
            for inner in value.values():
                yield from flatten(inner)
        case list():
            for inner in value:
                yield from flatten(inner)
        case _:
            yield str(value)
