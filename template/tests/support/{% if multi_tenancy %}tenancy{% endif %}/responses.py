"""Search responses for leaked values, and reduce them to snapshots that can be compared."""

import base64
import gzip
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from io import BytesIO
from lzma import LZMAError
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

from httpx2 import Response

UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*(?:Z|[+-]\d\d:\d\d)?")
BASE64 = re.compile(r"[\w-]{16,}")

# Errors of archives that are damaged, encrypted or compressed in an unsupported way.
UNREADABLE = (BadZipFile, EOFError, OSError, RuntimeError, LZMAError, ValueError, zlib.error)

# A number or the end of a line in a text.
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?|\n")

# Status, normalized body and headers.
Snapshot = tuple[int, Any, dict[str, str]]

# Different in every response, even to equal requests.
VOLATILE_HEADERS = {"x-correlation-id", "date", "content-length"}
VOLATILE_FIELDS = {"correlation_id", "timestamp"}
VOLATILE = "<volatile>"


def find_leaks(response: Response, secrets: Collection[str], sent: Collection[str]) -> list[str]:
    """Return the secrets in a response, except those that the request itself sent.

    The response to a write may contain a sent value in another form, such as a name as a slug.
    """
    text = read_text(response)
    visible = " ".join([text, *map(": ".join, get_stable_headers(response))])
    visible = remove_values(visible.lower(), sent)
    visible = " ".join([visible, *decode_base64(visible, text)])
    written = "" if response.request.method == "GET" else " ".join(sent)
    return [secret for secret in secrets if secret in visible and secret not in written]


def read_text(response: Response) -> str:
    """Return a response's text in any encoding; of an archive or workbook, that of its files.

    An archive that cannot be read, such as an encrypted one, is read as text.
    """
    content = response.content
    with suppress(*UNREADABLE):
        if content.startswith(b"PK") and is_zipfile(BytesIO(content)):
            with ZipFile(BytesIO(content)) as archive:
                files = [archive.read(name) for name in archive.namelist()]
            return " ".join(file.decode(errors="ignore") for file in files)
        if content.startswith(b"\x1f\x8b"):
            return gzip.decompress(content).decode(errors="ignore")
    return response.text.replace("\0", "")  # UTF-16, if no charset is declared


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
    is_error = response.status_code >= 400
    numbers = is_error or response.request.method == "GET"
    try:
        body: Any = response.json()
    except ValueError:
        text = mask_values(read_text(response), sent)
        is_binary = "\N{REPLACEMENT CHARACTER}" in text
        body = text if is_error else [] if is_binary or not numbers else NUMBER.findall(text)
    else:
        body = normalize(body, sent, texts=is_error, numbers=numbers)
    headers = {name: mask_values(value, sent) for name, value in get_stable_headers(response)}
    return response.status_code, body, headers


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


def mask_differences(first: Any, *others: Any) -> Any:
    """Return a snapshot of equal requests, with VOLATILE in place of the parts that differ."""
    if all(other == first for other in others):
        return first
    if all(isinstance(value, dict) and value.keys() == first.keys() for value in (first, *others)):
        return {
            name: mask_differences(first[name], *(other[name] for other in others))
            for name in first
        }
    if all(isinstance(value, list) and len(value) == len(first) for value in (first, *others)):
        return [mask_differences(*values) for values in zip(first, *others, strict=True)]
    return VOLATILE


def is_similar(actual: Any, expected: Any) -> bool:
    """Return True if a snapshot equals another, except for volatile parts."""
    match expected:
        case dict() if isinstance(actual, dict) and actual.keys() == expected.keys():
            return all(is_similar(actual[name], expected[name]) for name in expected)
        case list() if isinstance(actual, list):
            if len(actual) == len(expected):
                return all(map(is_similar, actual, expected))
            return VOLATILE in expected
    return expected == VOLATILE or bool(actual == expected)


def is_expected(actual: Snapshot, expected: Collection[Snapshot]) -> bool:
    """Return True if a snapshot has all that the snapshots of equal requests have in common."""
    is_known = actual[0] in {snapshot[0] for snapshot in expected}
    common = [mask_differences(*parts) for parts in zip(*expected, strict=True)]
    return is_known and all(map(is_similar, actual[1:], common[1:]))


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
